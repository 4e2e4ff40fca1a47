import { contract } from '../kernel/contract';
import { Page, PageQuery } from '../kernel/schema';
import { LOST_UPDATE, operator, TaskPath } from './routes';
import { NewTaskResult, StoredTaskResult, TaskResultChange, TaskResultReplacement } from './schema';

const RESULTS = '/api/v1/data/task-results/';

/** Results of tasks as the producer has received them. */
export const taskResultRoutes = contract({
  listTaskResults: {
    method: 'GET',
    path: RESULTS,
    summary: 'Results as the producer received them',
    access: operator,
    query: PageQuery,
    status: 200,
    returns: Page(StoredTaskResult),
  },
  addTaskResult: {
    method: 'POST',
    path: RESULTS,
    summary: 'Add a result by hand',
    access: operator,
    body: NewTaskResult,
    changes: ['task_result', 'task_id'],
    status: 201,
    returns: StoredTaskResult,
    refuses: { 409: 'the task has a result' },
    idempotent: true,
  },
  getTaskResult: {
    method: 'GET',
    path: `${RESULTS}{task_id}/`,
    summary: 'The result of a task',
    access: operator,
    params: TaskPath,
    status: 200,
    returns: StoredTaskResult,
  },
  replaceTaskResult: {
    method: 'PUT',
    path: `${RESULTS}{task_id}/`,
    summary: 'Replace a result',
    access: operator,
    params: TaskPath,
    body: TaskResultReplacement,
    changes: ['task_result', 'task_id'],
    status: 200,
    returns: StoredTaskResult,
    refuses: { 412: LOST_UPDATE },
  },
  changeTaskResult: {
    method: 'PATCH',
    path: `${RESULTS}{task_id}/`,
    summary: 'Change parts of a result',
    access: operator,
    params: TaskPath,
    body: TaskResultChange,
    changes: ['task_result', 'task_id'],
    status: 200,
    returns: StoredTaskResult,
    refuses: { 412: LOST_UPDATE },
  },
  removeTaskResult: {
    method: 'DELETE',
    path: `${RESULTS}{task_id}/`,
    summary: 'Delete a result',
    access: operator,
    params: TaskPath,
    changes: ['task_result', 'task_id'],
    status: 204,
    refuses: { 412: LOST_UPDATE },
  },
});
