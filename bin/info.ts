import { adminLogin, findDeployment } from './deployment';
import { Trouble } from './screen.cjs';

/**
 * Prints one line of JSON about the deployment that runs on the port.
 * @throws {Trouble} when nothing runs there
 */
export async function info(port: number): Promise<void> {
  const deployment = await findDeployment(port);
  if (!deployment) throw new Trouble(`Mercato is not running on port ${port}.`, 'Start it with: npm start');
  const { url, console, docs } = deployment;
  const { username, password } = await adminLogin(port, deployment);
  process.stdout.write(
    `${JSON.stringify({ url, console, docs, admin_username: username, admin_password: password })}\n`,
  );
}
