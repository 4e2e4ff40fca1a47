import { deployed } from '../support/deployed';
import { eventually } from '../support/processes';
import { collectPeople, ranTo, setFaults } from './profiles-story';

test('people are collected, linked and found; deleting one unassigns; a bad day of the source is told and passes', async () => {
  const stack = await deployed();
  const headers = await stack.admin();
  const person = await collectPeople(stack, headers);
  expect(JSON.stringify(person)).not.toMatch(/password|social_insurance_number|\d{13}/);
  const search = `/api/profiles/users/?search=${encodeURIComponent(person.email)}`;
  const { body: found } = await stack.http('GET', search, { headers });
  expect(found.results.map(({ uid }: { uid: string }) => uid)).toContain(person.uid);

  const path = `/api/profiles/users/${person.uid}/`;
  expect((await stack.http('DELETE', path, { headers })).status).toBe(204);
  const { body: address } = await stack.http('GET', `/api/profiles/addresses/${person.uid}/`, { headers });
  expect(address.user).toBeNull();

  await setFaults(stack, headers, { mode: '500' });
  try {
    const failed = await ranTo(stack, headers, 'failed', { resource: 'addresses' });
    expect(failed).toMatchObject({ error: 'the source answered 500', attempts: 4, stored: 0 });
  } finally {
    await setFaults(stack, headers, { mode: 'none' });
  }
  await ranTo(stack, headers, 'succeeded', { resource: 'addresses' });
});

test('the three schedules run by themselves', async () => {
  const { http, admin } = await deployed();
  const headers = await admin();
  for (const resource of ['users', 'addresses', 'credit_cards']) {
    await eventually(
      `the schedule of ${resource} has run`,
      async () => {
        const { body } = await http('GET', `/api/profiles/runs/?resource=${resource}&limit=50`, { headers });
        return body.results.some(
          ({ trigger, state }: { trigger: string; state: string }) => trigger === 'schedule' && state === 'succeeded',
        );
      },
      150_000,
    );
  }
}, 180_000);
