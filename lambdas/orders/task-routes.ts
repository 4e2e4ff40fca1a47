import { contract } from '../kernel/contract';
import { Page, PageQuery } from '../kernel/schema';
import { LOST_UPDATE, operator, TaskPath } from './routes';
import { NewMessage, Task, TaskName, TaskState, UnfinishedCounts } from './schema';

const TASKS = '/api/v1/consumer/tasks/';
const NOT_NOW = 'its state does not allow it';

/** Those who may have messages worked on. */
const sender = { roles: ['operator'], scopes: ['messages:send'] } as const;

/** Messages and the tasks that are made of them. */
export const taskRoutes = contract({
  sendMessage: {
    method: 'POST',
    path: '/api/v1/consumer/send-message/',
    summary: 'Have a message worked on; the result goes to its webhook_url',
    access: sender,
    body: NewMessage,
    changes: ['task', 'task_id'],
    status: 202,
    returns: TaskPath,
    idempotent: true,
  },
  processMessage: {
    method: 'POST',
    path: '/api/v1/consumer/process-message/',
    summary: 'Work on a message at once; the result goes to its webhook_url too',
    access: sender,
    body: NewMessage,
    changes: ['task', 'task_id'],
    status: 200,
    returns: Task,
    idempotent: true,
  },
  listTasks: {
    method: 'GET',
    path: TASKS,
    summary: 'Tasks',
    access: operator,
    query: PageQuery.extend({ state: TaskState.optional(), name: TaskName.optional() }),
    status: 200,
    returns: Page(Task),
  },
  addTask: {
    method: 'POST',
    path: TASKS,
    summary: 'Make a task of a message',
    access: operator,
    body: NewMessage,
    changes: ['task', 'task_id'],
    status: 201,
    returns: Task,
    idempotent: true,
  },
  getTask: {
    method: 'GET',
    path: `${TASKS}{task_id}/`,
    summary: 'One task',
    access: operator,
    params: TaskPath,
    status: 200,
    returns: Task,
  },
  replaceTask: {
    method: 'PUT',
    path: `${TASKS}{task_id}/`,
    summary: "Replace a task's message, unless it is being worked on or has succeeded",
    access: operator,
    params: TaskPath,
    body: NewMessage,
    changes: ['task', 'task_id'],
    status: 200,
    returns: Task,
    refuses: { 409: NOT_NOW, 412: LOST_UPDATE },
  },
  changeTask: {
    method: 'PATCH',
    path: `${TASKS}{task_id}/`,
    summary: "Change a task's message, unless it is being worked on or has succeeded",
    access: operator,
    params: TaskPath,
    body: NewMessage.partial().strict(),
    changes: ['task', 'task_id'],
    status: 200,
    returns: Task,
    refuses: { 409: NOT_NOW, 412: LOST_UPDATE },
  },
  removeTask: {
    method: 'DELETE',
    path: `${TASKS}{task_id}/`,
    summary: 'Delete a task; one that has not ended is not worked on any more',
    access: operator,
    params: TaskPath,
    changes: ['task', 'task_id'],
    status: 204,
    refuses: { 412: LOST_UPDATE },
  },
  retryTask: {
    method: 'POST',
    path: `${TASKS}{task_id}/retry/`,
    summary: 'Queue a failed or revoked task again',
    description: 'Also one that was begun more than a minute ago and has not ended: its worker is no more.',
    access: operator,
    params: TaskPath,
    changes: ['task', 'task_id'],
    status: 202,
    returns: Task,
    refuses: { 409: NOT_NOW },
    idempotent: true,
  },
  revokeTask: {
    method: 'POST',
    path: `${TASKS}{task_id}/revoke/`,
    summary: 'Take back a task that waits',
    access: operator,
    params: TaskPath,
    changes: ['task', 'task_id'],
    status: 200,
    returns: Task,
    refuses: { 409: NOT_NOW },
    idempotent: true,
  },

  countUnfinished: {
    method: 'GET',
    path: '/api/v1/consumer/counts/',
    summary: 'How many orders, tasks and deliveries are not done',
    description: 'Each counted to a thousand; `at_least` names those of which there are more.',
    access: { roles: ['operator'], scopes: ['metrics:read'] },
    status: 200,
    returns: UnfinishedCounts,
  },
});
