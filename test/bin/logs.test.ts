import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { followLogs } from '../../bin/logs';

test('logs go on after a call that failed, and end with the emulator', async () => {
  const group = { logGroupName: '/aws/lambda/mercato-local-WebApi1B2C3D4E-5F6A' };
  let calls = 0;
  const server = createServer((request, response) => {
    const target = String(request.headers['x-amz-target']);
    const isFailing = target.endsWith('DescribeLogGroups') && ++calls === 1;
    const events = [{ timestamp: Date.now(), logStreamName: 's', message: '{"level":"info","message":"hello"}' }];
    const answer = target.endsWith('DescribeLogGroups') ? { logGroups: [group] } : { events };
    response.writeHead(isFailing ? 400 : 200, { 'content-type': 'application/x-amz-json-1.1', connection: 'close' });
    response.end(JSON.stringify(isFailing ? { __type: 'InvalidParameterException' } : answer));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const lines: string[] = [];
  await followLogs(port, new AbortController().signal, (line) => {
    lines.push(line);
    server.close();
  });
  expect(lines).toEqual([expect.stringContaining('hello')]);
});
