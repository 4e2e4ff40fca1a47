import { httpApi } from '../kernel/http';
import { OrdersContract } from './contract';
import { getDelivery, listDeliveries, replayDeliveries, replayDelivery } from './deliveries';
import { changeOrder, getOrder, listOrders, placeOrder, removeOrder, replaceOrder } from './orders';
import * as results from './results';
import { updateOrderStatus } from './status-update';
import {
  addTask,
  changeTask,
  getTask,
  listTasks,
  removeTask,
  replaceTask,
  retryTask,
  revokeTask,
  sendMessage,
} from './tasks';
import { getTimeline } from './timeline';
import { countUnfinished } from './unfinished';
import { getWebhookSecret, rotateWebhookSecret } from './webhook';
import { processMessage } from './work';

export const handler = httpApi(OrdersContract, {
  listOrders,
  placeOrder,
  getOrder,
  replaceOrder,
  changeOrder,
  removeOrder,
  updateOrderStatus,
  getTimeline,
  listTaskResults: results.listTaskResults,
  addTaskResult: results.addTaskResult,
  getTaskResult: results.getTaskResult,
  replaceTaskResult: results.replaceTaskResult,
  changeTaskResult: results.changeTaskResult,
  removeTaskResult: results.removeTaskResult,
  sendMessage,
  processMessage,
  listTasks,
  addTask,
  getTask,
  replaceTask,
  changeTask,
  removeTask,
  retryTask,
  revokeTask,
  listDeliveries,
  getDelivery,
  replayDelivery,
  replayDeliveries,
  countUnfinished,
  getWebhookSecret,
  rotateWebhookSecret,
});
