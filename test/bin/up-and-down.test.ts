import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { clientConfig, findDeployment } from '../../bin/deployment';
import { type Copy, copyOfMercato, freePort } from './copy';

const TOKEN = 'canary-of-a-service';

let copy: Copy;
let port: number;
let env: Record<string, string>;
let dir: string;
beforeAll(async () => {
  copy = copyOfMercato({ app: join(__dirname, 'small-app.ts') });
  copy.emulatorInstalled();
  port = await freePort();
  env = { MERCATO_PORT: String(port), SERVICE_TOKEN: TOKEN };
  dir = join(copy.root, '.mercato', String(port));
});
afterAll(async () => {
  await copy.run('down', env);
  copy.remove();
});

/** What a secret of the deployed stack holds. */
async function secret(output: string): Promise<string | undefined> {
  const deployment = await findDeployment(port);
  const command = new GetSecretValueCommand({ SecretId: deployment?.outputs[output] });
  return (await new SecretsManagerClient(clientConfig(port)).send(command)).SecretString;
}

/** The files of the deployment that hold a text, the emulator's own memory left out. */
const filesWith = (text: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/state'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(50);
}

/** A client of the table of the deployed stack. */
async function table() {
  const deployment = await findDeployment(port);
  const client = new DynamoDBClient(clientConfig(port));
  return { client, TableName: deployment?.outputs['TableName'] };
}

test('start, info, a second start beside it, logs, Ctrl-C, up with the data of before, down', async () => {
  const start = copy.start('start', env);
  await until(() => start.printed.out.includes('Ctrl-C stops Mercato') || start.child.exitCode !== null);
  expect(start.printed.err).toBe('');
  for (const name of [`Start MiniStack on port ${port}`, 'Build functions and template', 'Deploy', 'Load first data']) {
    expect(start.printed.out).toMatch(new RegExp(`^  ${name} … \\d+\\.\\d s$`, 'm'));
  }

  const { out } = await copy.run('info', env);
  expect(out).toMatch(/^.+\n$/);
  const info = JSON.parse(out) as Record<string, string>;
  const url = `http://localhost:${port}/_aws/execute-api/5a11a990/v1`;
  expect(info).toEqual({
    url,
    console: `${url}/`,
    docs: `${url}/docs/`,
    admin_username: 'admin',
    admin_password: expect.stringMatching(/.{16,}/),
  });
  for (const value of [info['console'], info['docs'], info['admin_password']])
    expect(start.printed.out).toContain(value);

  const { client, TableName } = await table();
  const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
  expect(TimeToLiveDescription).toMatchObject({ TimeToLiveStatus: 'ENABLED', AttributeName: 'expires_at' });
  await client.send(new PutItemCommand({ TableName, Item: { pk: { S: 'kept' }, sk: { S: 'kept' } } }));
  const outbox = (id: string, goes: string) =>
    client.send(
      new PutItemCommand({
        TableName,
        Item: { pk: { S: id }, sk: { S: 'OUTBOX' }, expires_at: { N: String(Date.parse(goes) / 1_000) } },
      }),
    );
  await outbox('OUTBOX#sent', '2030-01-01T09:57:59Z');
  await outbox('OUTBOX#perhaps', '2030-01-01T09:58:01Z');
  await outbox('OUTBOX#last', '2030-01-01T10:00:00Z');

  expect(await secret('ServiceTokenSettingArn')).toBe(TOKEN);
  expect(filesWith(TOKEN)).toEqual([]);
  expect(start.printed.out).not.toContain(TOKEN);

  await fetch(`${url}/of-this-line`);
  await until(() => start.printed.out.includes('of-this-line'));
  expect(start.printed.out).toMatch(/^\d\d:\d\d:\d\d Web +INFO +request path=\/of-this-line reason="a b"$/m);
  expect(start.printed.out).not.toContain('RequestId');

  const beside = copy.start('start', env);
  await until(() => beside.printed.out.includes('Ctrl-C stops Mercato') || beside.child.exitCode !== null);
  expect(beside.printed.out).toContain(`Mercato already runs here (process ${start.child.pid})`);
  expect(beside.printed.out).toContain(`MiniStack already runs on port ${port}: it is used.`);
  beside.child.kill('SIGINT');
  expect(await beside.ended).toMatchObject({ code: 0, out: expect.stringContaining('Mercato goes on running.') });
  expect((await fetch(url)).status).toBe(200);

  // of a LocalStack that ended without `down`
  writeFileSync(join(dir, 'localstack'), '');
  start.child.kill('SIGINT');
  start.child.kill('SIGINT'); // as npm passes it on once more
  const stopped = await start.ended;
  expect(stopped).toMatchObject({ code: 0, err: '' });
  expect(stopped.out.match(/Stop the emulator/g)).toHaveLength(1);
  await expect(fetch(url)).rejects.toThrow();
  rmSync(join(dir, 'localstack'));
  expect((await copy.run('info', env)).code).toBe(1);
  for (const left of ['scratch', 'ministack.pid', 'start.pid']) expect(existsSync(join(dir, left))).toBe(false);
  expect(readFileSync(join(dir, 'ministack.log'), 'utf8')).not.toContain('NodeVersionSupportWarning');

  const again = await copy.run('up', { ...env, SERVICE_TOKEN: '' });
  expect(again).toMatchObject({ code: 0, err: '' });
  expect(again.out).toContain('Send what was not sent before the last stop');
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  const outboxes = Items.filter(({ sk }) => sk?.S === 'OUTBOX').map(({ pk }) => pk?.S);
  expect(outboxes.sort()).toEqual(['OUTBOX#last+', 'OUTBOX#perhaps+', 'OUTBOX#sent']);
  // a setting that is not set any more is left as it is, another one is put
  expect(await secret('ServiceTokenSettingArn')).toBe(TOKEN);
  expect(await copy.run('up', { ...env, SERVICE_TOKEN: 'another' })).toMatchObject({ code: 0, err: '' });
  expect(await secret('ServiceTokenSettingArn')).toBe('another');
  expect(JSON.parse((await copy.run('info', env)).out)).toEqual(info);
  expect(
    (await client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'kept' }, sk: { S: 'kept' } } }))).Item,
  ).toBeDefined();
  // somebody has changed the password: it goes on without
  const deployment = await findDeployment(port);
  const SecretString = JSON.stringify({ username: 'admin', password: 'refused' });
  await new SecretsManagerClient(clientConfig(port)).send(
    new PutSecretValueCommand({ SecretId: deployment?.outputs['AdminSecretArn'], SecretString }),
  );
  const without = await copy.run('up', env);
  expect(without).toMatchObject({ code: 0, out: expect.stringContaining('generated password holds no more') });
  expect((await copy.run('down', env)).out).toMatch(/^ {2}Stop the emulator and save its data … \d/);
  expect((await copy.run('down', env)).out).toBe(`Nothing runs on port ${port}.\n`);
}, 180_000);
