import { MenuItem } from '@mui/material';
import type { ReactNode } from 'react';
import { AppBar, Layout, Link, Logout, TitlePortal, UserMenu, useGetIdentity, useUserMenu } from 'react-admin';
import { BASE, may } from './api';
import { Navigation } from './navigation';
import { SearchBox } from './search-box';
import { principal } from './session';

function Documentation() {
  const menu = useUserMenu();
  return (
    <MenuItem component="a" href={`${BASE}/docs/overview/`} onClick={menu?.onClose}>
      API documentation
    </MenuItem>
  );
}

function Account() {
  const menu = useUserMenu();
  return (
    <MenuItem component={Link} to="/account" onClick={menu?.onClose}>
      Your account
    </MenuItem>
  );
}

function Bar() {
  const { identity } = useGetIdentity();
  return (
    <AppBar
      userMenu={
        <UserMenu label={identity?.fullName}>
          {!principal()?.isOutside && <Account />}
          <Documentation />
          <Logout />
        </UserMenu>
      }
    >
      <TitlePortal component="h1" />
      {may('search') && <SearchBox />}
    </AppBar>
  );
}

/** What is wider than the screen scrolls where it stands, not the page. */
const NARROW = {
  minWidth: 0,
  '& .RaLayout-content, & .RaLayout-contentWithSidebar, & .RaLayout-appFrame': { minWidth: 0 },
};

export const Frame = ({ children }: { children: ReactNode }) => (
  <Layout menu={Navigation} appBar={Bar} sx={NARROW}>
    {children}
  </Layout>
);
