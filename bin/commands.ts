import { onAccount } from './account';
import { endChildren } from './child';
import { down } from './down';
import { info } from './info';
import { Trouble } from './screen.cjs';
import { chosenPort, loadSettings } from './settings';
import { start } from './start';
import { up } from './up';

/** Runs one of the npm scripts' commands. @throws {Trouble} for whatever the user can do something about */
export async function run(command: string, args: string[]): Promise<void> {
  loadSettings();
  try {
    await perform(command, args);
  } finally {
    endChildren();
  }
}

async function perform(command: string, args: string[]): Promise<void> {
  switch (command) {
    case 'start':
      return start(chosenPort());
    case 'up':
      return up(chosenPort());
    case 'down':
      return down(chosenPort());
    case 'info':
      return info(chosenPort());
    case 'deploy':
    case 'destroy':
      return onAccount(command, args);
    default:
      throw new Trouble(
        `There is no command ${command}.`,
        'There are: npm start, npm run up, down, info, deploy, destroy.',
      );
  }
}
