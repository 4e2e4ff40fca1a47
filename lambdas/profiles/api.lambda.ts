import { httpApi } from '../kernel/http';
import { ProfilesContract } from './contract';
import {
  deleteProfileUser,
  getAddress,
  getCreditCard,
  getProfileUser,
  listAddresses,
  listCreditCards,
  listProfileUsers,
} from './profiles';
import { getProfileRun, listProfileRuns, startProfileRun } from './runs';
import { deleteSetAsideRecord, getSetAsideRecord, listSetAsideRecords, retrySetAsideRecord } from './set-aside';

export const handler = httpApi(ProfilesContract, {
  listProfileUsers,
  getProfileUser,
  deleteProfileUser,
  listAddresses,
  getAddress,
  listCreditCards,
  getCreditCard,
  listProfileRuns,
  getProfileRun,
  startProfileRun,
  listSetAsideRecords,
  getSetAsideRecord,
  retrySetAsideRecord,
  deleteSetAsideRecord,
});
