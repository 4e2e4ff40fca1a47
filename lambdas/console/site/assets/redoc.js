const dark = matchMedia('(prefers-color-scheme: dark)');
const font = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const mono = 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace';

const theme = (isDark) => ({
  colors: {
    error: { main: isDark ? '#ff8a80' : '#c62828' },
    primary: { main: isDark ? '#4fc3ae' : '#0b6e5f', light: isDark ? '#7fd9c8' : '#0b6e5f' },
    text: { primary: isDark ? '#e3e8e6' : '#1d2523', secondary: isDark ? '#a4afab' : '#56615d' },
    border: { dark: isDark ? '#3a4541' : '#d5dcd9', light: isDark ? '#2b3431' : '#eef2f0' },
    http: { get: '#2f8132', post: '#186faf', put: '#95507c', patch: '#b06000', delete: '#c62828' },
  },
  typography: {
    fontFamily: font,
    headings: { fontFamily: font, fontWeight: '600' },
    code: {
      fontFamily: mono,
      color: isDark ? '#ffb4a2' : '#a13d2d',
      backgroundColor: isDark ? 'rgba(255,255,255,.08)' : 'rgba(20,40,35,.06)',
    },
    links: { color: isDark ? '#4fc3ae' : '#0b6e5f', visited: isDark ? '#4fc3ae' : '#0b6e5f' },
  },
  sidebar: { backgroundColor: isDark ? '#1b2220' : '#f5f8f7', textColor: isDark ? '#e3e8e6' : '#1d2523' },
  schema: { nestedBackground: isDark ? '#1b2220' : '#f5f8f7', typeNameColor: isDark ? '#a4afab' : '#56615d' },
  rightPanel: {
    backgroundColor: '#14211e',
    servers: {
      overlay: { backgroundColor: isDark ? '#1b2220' : '#f5f8f7', textColor: isDark ? '#e3e8e6' : '#1d2523' },
      url: { backgroundColor: isDark ? '#0e1614' : '#fff' },
    },
  },
  codeBlock: { backgroundColor: '#0e1614' },
});

const show = () =>
  Redoc.init(
    '../../openapi.json',
    { theme: theme(dark.matches), nativeScrollbars: true, requiredPropsFirst: true, hideDownloadButtons: true },
    document.getElementById('redoc'),
  );
dark.addEventListener('change', show);
show();
