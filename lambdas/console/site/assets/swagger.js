const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

SwaggerUIBundle({
  url: '../../openapi.json',
  dom_id: '#swagger',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  filter: true,
  // the public validator would be a request to another origin
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
