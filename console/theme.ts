import { defaultDarkTheme, defaultLightTheme, type RaThemeOptions } from 'react-admin';

/**
 * The library names a row's checkbox at the element around it, where a screen reader does not look (and no name may be):
 * taken away there, given to the box itself.
 */
const components = {
  MuiCircularProgress: { defaultProps: { 'aria-label': 'Loading' } },
  MuiCheckbox: {
    defaultProps: { slotProps: { root: { 'aria-label': undefined }, input: { 'aria-label': 'Select this row' } } },
  },
};

const common = {
  typography: { fontFamily: 'system-ui, sans-serif' },
  shape: { borderRadius: 6 },
};

/** Colours whose contrast with their ground is at least 4.5 (WCAG 2.2, 1.4.3). */
export const light: RaThemeOptions = {
  ...defaultLightTheme,
  ...common,
  components: { ...defaultLightTheme.components, ...components },
  palette: {
    mode: 'light',
    primary: { main: '#0b6e5f' },
    secondary: { main: '#0b6e5f' },
    error: { main: '#b3261e' },
    warning: { main: '#8a5a00' },
    success: { main: '#1b6e3c' },
    info: { main: '#075985' },
    background: { default: '#f5f7f6', paper: '#ffffff' },
    text: { primary: '#16211f', secondary: '#4a5a56' },
  },
};

export const dark: RaThemeOptions = {
  ...defaultDarkTheme,
  ...common,
  components: { ...defaultDarkTheme.components, ...components },
  palette: {
    mode: 'dark',
    primary: { main: '#6fd3bf' },
    secondary: { main: '#6fd3bf' },
    error: { main: '#ffb4ab' },
    warning: { main: '#f2c46d' },
    success: { main: '#86d9a3' },
    info: { main: '#8ecdf5' },
    background: { default: '#101615', paper: '#18201e' },
    text: { primary: '#e6efec', secondary: '#adbcb7' },
  },
};
