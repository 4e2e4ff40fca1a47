import { httpApi } from '../kernel/http';
import { changeMe, changePassword, getMe, register } from './account';
import { changeUser, deleteUser, getUser, listUsers } from './administration';
import { createApiKey, deleteApiKey, getApiKey, listApiKeys, rollApiKey } from './api-keys';
import { closeBrowserSession, continueBrowserSession, openBrowserSession } from './browser-session';
import { IdentityContract } from './contract';
import { logIn, logOut, refreshTokens } from './sessions';
import { publicKeys } from './signing-key';

export const handler = httpApi(IdentityContract, {
  register,
  registerAtReceipts: register,
  registerAtOrders: register,
  logIn,
  logInAtReceipts: logIn,
  logInAtMailings: logIn,
  logInAtOrders: logIn,
  refreshTokens,
  logOut,
  openBrowserSession,
  continueBrowserSession,
  closeBrowserSession,
  getMe,
  changeMe,
  changePassword,
  listUsers,
  getUser,
  changeUser,
  deleteUser,
  listApiKeys,
  createApiKey,
  getApiKey,
  deleteApiKey,
  rollApiKey,
  getSigningKeys: async () => ({ keys: await publicKeys() }),
});
