import { type AuthProvider, HttpError } from 'react-admin';
import { MercatoProblem } from '../client/problem';
import { may } from './api';
import { ENTITIES } from './entities';
import { authorization, isOver, logIn, logOut, principal } from './session';

/** Lists and pages are guarded where they stand; this is for buttons. */
const OPERATION_OF = { create: 'create', edit: 'change', delete: 'remove' } as const;

const PAUSE_MS = 2_000;
const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Who is logged in, and what they may do: by the contracts, the same that the API goes by. */
export const authProvider: AuthProvider = {
  async login({ username, password }) {
    try {
      await logIn(username, password);
    } catch (error) {
      throw error instanceof MercatoProblem ? new HttpError(error.detail, error.status) : error;
    }
  },
  async logout() {
    await logOut().catch(() => undefined);
  },
  /** A session that cannot be renewed at the moment is still one: whoever is known stays, of others it is tried again. */
  async checkAuth() {
    for (;;) {
      try {
        if (await authorization()) return;
        break;
      } catch (error) {
        if (isOver(error)) break;
        if (principal()) return;
        await pause();
      }
    }
    throw new Error('log in to go on');
  },
  async checkError(error) {
    if (error?.status === 401) throw error;
  },
  async getIdentity() {
    const who = principal();
    return { id: who?.id ?? '', fullName: who?.name ?? '' };
  },
  async canAccess({ resource, action }) {
    const found = ENTITIES.find(({ name }) => name === resource);
    const kind = OPERATION_OF[action as keyof typeof OPERATION_OF];
    return !found || !kind || may(found[kind]);
  },
};
