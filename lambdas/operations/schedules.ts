import {
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListTargetsByRuleCommand,
} from '@aws-sdk/client-eventbridge';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { bus } from '../kernel/bus';
import { timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import { env } from '../kernel/env';
import type { Handler } from '../kernel/http';
import { inParallel } from '../kernel/parallel';
import { conflict, notFound } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { nextRun } from './next-run';
import type { ScheduleState } from './schema';

const functions = new LambdaClient({});
const notes = table();

/** It keeps all others as they were switched. */
const FIXED = 'Operations.Keep';
/** Calls to EventBridge at once. */
const AT_ONCE = 8;

const SCHEDULES = 'SCHEDULES';
const keyOf = (name: string): Key => ({ pk: SCHEDULES, sk: name });

/** What is remembered of a schedule: how it was switched, and when it ran. */
const Note = z.object({
  sk: z.string(),
  enabled: z.boolean().optional(),
  changed_at: z.string().optional(),
  changed_by: z.string().optional(),
  last_run: z.string().optional(),
});
type Note = z.output<typeof Note>;

interface Schedule {
  name: string;
  rule: string;
}

/** Those that this function was given the rules of. */
const schedules = (): Schedule[] =>
  env('SCHEDULES')
    .split(',')
    .map((name, index) => ({ name, rule: env(`RULE_${index}`) }));

async function noteOf(name: string): Promise<Note> {
  return (await notes.find(Note, keyOf(name))) ?? { sk: name };
}

const allNotes = async (): Promise<Map<string, Note>> => {
  const { items } = await notes.query(Note, { partition: SCHEDULES, consistent: true });
  return new Map(items.map((note) => [note.sk, note]));
};

/** When each schedule ran last. One query. */
export async function lastRuns(): Promise<Record<string, string>> {
  const known = await allNotes();
  return Object.fromEntries([...known].flatMap(([name, { last_run }]) => (last_run ? [[name, last_run]] : [])));
}

async function describe({ name, rule }: Schedule, note: Note): Promise<ScheduleState> {
  const { State, ScheduleExpression = '' } = await bus.send(new DescribeRuleCommand({ Name: rule }));
  const enabled = State === 'ENABLED';
  const last_run = note.last_run ?? null;
  return {
    name,
    context: name.slice(0, name.indexOf('.')).toLowerCase(),
    rule,
    expression: ScheduleExpression,
    enabled,
    last_run,
    // rules follow the machine's clock, whatever the product's says
    next_run: (enabled && nextRun(ScheduleExpression, last_run, new Date())?.toISOString()) || null,
    changed_at: note.changed_at ?? null,
    changed_by: note.changed_by ?? null,
    fixed: name === FIXED,
  };
}

/** One call of EventBridge a schedule, eight at once. */
export const listSchedules: Handler<Operations['listSchedules']> = async () => {
  const known = await allNotes();
  const results: ScheduleState[] = [];
  await inParallel(AT_ONCE, schedules(), async (schedule) => {
    results.push(await describe(schedule, known.get(schedule.name) ?? { sk: schedule.name }));
  });
  return { results: results.sort((a, b) => (a.name < b.name ? -1 : 1)) };
};

function scheduleOf(name: string): Schedule {
  const found = schedules().find((one) => one.name === name);
  if (!found) throw notFound('schedule');
  return found;
}

export const getSchedule: Handler<Operations['getSchedule']> = async ({ params }) =>
  describe(scheduleOf(params.name), await noteOf(params.name));

const set = ({ rule: Name }: Schedule, enabled: boolean) =>
  enabled ? bus.send(new EnableRuleCommand({ Name })) : bus.send(new DisableRuleCommand({ Name }));

/**
 * The wish is kept first: a function that dies before the rule has it is put right within a minute. What others wished since
 * it was read is looked at anew.
 */
export const changeSchedule: Handler<Operations['changeSchedule']> = async (call) => {
  const { params, body, principal, requireMatch } = call;
  const schedule = scheduleOf(params.name);
  const { enabled } = body;
  await untilWritten(async () => {
    const note = await noteOf(params.name);
    requireMatch(await describe(schedule, note));
    if (schedule.name === FIXED) throw conflict('this schedule cannot be switched: it keeps the others as they are');
    const wish = { enabled, changed_at: timestamp(), changed_by: principal.name };
    const unchanged = { equals: { changed_at: note.changed_at } };
    await commit({ writes: [notes.update(keyOf(schedule.name), { set: wish }, unchanged)] });
  });
  await set(schedule, enabled);
  return describe(schedule, await noteOf(params.name));
};

/** Notes that a schedule ran; what is told late changes nothing. */
export const noteRun = (name: string, at: string): Promise<boolean> =>
  commitIf({ writes: [notes.update(keyOf(name), { set: { last_run: at } }, { below: { last_run: at } })] });

export const runSchedule: Handler<Operations['runSchedule']> = async ({ params }) => {
  const { name, rule } = scheduleOf(params.name);
  const { Targets = [] } = await bus.send(new ListTargetsByRuleCommand({ Rule: rule }));
  const target = Targets.find(({ Arn = '' }) => Arn.includes(':lambda:'));
  if (!target) throw notFound('function of the schedule');
  const started_at = new Date().toISOString();
  const event = { source: 'mercato.operations', 'detail-type': 'Scheduled Event', time: started_at };
  await functions.send(
    new InvokeCommand({
      FunctionName: target.Arn,
      InvocationType: 'Event',
      Payload: Buffer.from(JSON.stringify(event)),
    }),
  );
  await noteRun(name, started_at);
  return { name, started_at };
};

/**
 * Makes every rule be as an operator switched it, should a deployment have made it anew. One query, and a call for each
 * schedule that was ever switched. @returns how many had to be switched
 */
export async function keepSchedules(): Promise<number> {
  const known = await allNotes();
  let switched = 0;
  await inParallel(AT_ONCE, schedules(), async (schedule) => {
    const { enabled } = known.get(schedule.name) ?? {};
    if (enabled === undefined) return;
    const { State } = await bus.send(new DescribeRuleCommand({ Name: schedule.rule }));
    if ((State === 'ENABLED') === enabled) return;
    await set(schedule, enabled);
    switched++;
  });
  return switched;
}
