import Article from '@mui/icons-material/Article';
import Dashboard from '@mui/icons-material/Dashboard';
import {
  Box,
  List,
  ListItem,
  ListItemButton,
  ListItemIcon,
  ListItemText,
  type Theme,
  Typography,
  useMediaQuery,
} from '@mui/material';
import type { ComponentType } from 'react';
import { Link, useSidebarState } from 'react-admin';
import { useLocation } from 'react-router-dom';
import { may } from './api';
import { ENTITIES } from './entities';
import { ICONS } from './icons';
import { PAGES } from './pages';
import { inWords } from './schema';

function Item({ to, label, Icon = Article }: { to: string; label: string; Icon?: ComponentType }) {
  const { pathname } = useLocation();
  const [open, setOpen] = useSidebarState();
  const isSmall = useMediaQuery((theme: Theme) => theme.breakpoints.down('md'));
  const isHere = to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`);
  return (
    <ListItem disablePadding>
      <ListItemButton
        component={Link}
        to={to}
        selected={isHere}
        dense
        aria-label={label}
        title={open ? undefined : label}
        aria-current={isHere ? 'page' : undefined}
        onClick={() => isSmall && setOpen(false)}
      >
        <ListItemIcon sx={{ minWidth: 40 }}>
          <Icon />
        </ListItemIcon>
        {open && <ListItemText primary={label} />}
      </ListItemButton>
    </ListItem>
  );
}

/** The way to all that the user may see, by context. */
export function Navigation() {
  const [open] = useSidebarState();
  const seen = ENTITIES.filter(({ list }) => may(list));
  const pages = PAGES.filter(({ needs, isHidden }) => may(needs) && !isHidden);
  const contexts = [...new Set([...seen, ...pages].map(({ context }) => context))];
  return (
    <Box component="nav" aria-label="Console" sx={{ width: open ? 240 : 56, pb: 2 }}>
      <List dense disablePadding sx={{ pt: 1 }}>
        <Item to="/" label="Home" Icon={Dashboard} />
      </List>
      {contexts.map((context) => (
        <Box key={context}>
          {open && (
            <Typography variant="caption" color="text.secondary" component="p" sx={{ px: 2, pt: 1 }}>
              {inWords(context)}
            </Typography>
          )}
          <List dense disablePadding aria-label={inWords(context)}>
            {pages
              .filter((page) => page.context === context)
              .map(({ path, label, Icon }) => (
                <Item key={path} to={path} label={label} Icon={Icon} />
              ))}
            {seen
              .filter((entity) => entity.context === context)
              .map(({ name, label }) => (
                <Item key={name} to={`/${name}`} label={label} Icon={ICONS[name]} />
              ))}
          </List>
        </Box>
      ))}
    </Box>
  );
}
