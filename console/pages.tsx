import AccountBalance from '@mui/icons-material/AccountBalance';
import Insights from '@mui/icons-material/Insights';
import ManageAccounts from '@mui/icons-material/ManageAccounts';
import MonitorHeart from '@mui/icons-material/MonitorHeart';
import Search from '@mui/icons-material/Search';
import UploadFile from '@mui/icons-material/UploadFile';
import { type ComponentType, lazy } from 'react';
import type { OperationName } from '../client/operations';

interface ConsolePage {
  path: string;
  label: string;
  Icon: ComponentType;
  /** Whose menu it is in. */
  context: string;
  /** Shown to those who may call it. */
  needs: OperationName;
  /** Reached by another way than the menu. */
  isHidden?: true;
  Page: ComponentType;
}

/** The pages that are no list of things. */
export const PAGES: ConsolePage[] = [
  {
    path: '/analytics',
    label: 'Analytics',
    context: 'receipts',
    Icon: Insights,
    needs: 'getAnalytics',
    Page: lazy(() => import('./pages/analytics')),
  },
  {
    path: '/books',
    label: 'Books',
    context: 'receipts',
    Icon: AccountBalance,
    needs: 'getBooks',
    Page: lazy(async () => ({ default: (await import('./pages/operations')).BooksPage })),
  },
  {
    path: '/live',
    label: 'Live',
    context: 'operations',
    Icon: MonitorHeart,
    needs: 'getTaskSummary',
    Page: lazy(() => import('./pages/operations')),
  },
  {
    path: '/search',
    label: 'Search',
    context: 'operations',
    Icon: Search,
    needs: 'search',
    isHidden: true,
    Page: lazy(() => import('./pages/search')),
  },
  {
    path: '/import',
    label: 'Import of clients',
    context: 'mailings',
    Icon: UploadFile,
    needs: 'getClientImport',
    isHidden: true,
    Page: lazy(() => import('./pages/import')),
  },
  {
    path: '/account',
    label: 'Your account',
    context: 'identity',
    Icon: ManageAccounts,
    needs: 'getMe',
    isHidden: true,
    Page: lazy(() => import('./pages/account')),
  },
];
