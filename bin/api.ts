import { Trouble } from './screen.cjs';

/** One call of the deployed API with a JSON body, or a GET without one. @throws {Trouble} for any answer but 2xx */
export async function call<T>(url: string, body?: object, headers?: Record<string, string>): Promise<T> {
  const response = await fetch(url, {
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Trouble(`${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return (await response.json()) as T;
}

/** The headers of whoever logs in. */
export async function loginHeaders(url: string, login: { username: string; password: string }) {
  const { access } = await call<{ access: string }>(`${url}/api/auth/login/`, login);
  return { authorization: `Bearer ${access}` };
}
