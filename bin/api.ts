import { Trouble } from './screen.cjs';

const send = (url: string, body?: object | string, headers?: Record<string, string>): Promise<Response> =>
  fetch(url, {
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

/**
 * One call of the deployed API with a JSON body, or a text of the type that the headers say, or a GET without one.
 * @throws {Trouble} for any answer but 2xx
 */
export async function call<T>(url: string, body?: object | string, headers?: Record<string, string>): Promise<T> {
  const response = await send(url, body, headers);
  if (!response.ok) throw new Trouble(`${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  return (await response.json()) as T;
}

/** Whether there is nothing in a list of the API. */
export async function isEmpty(list: string, headers?: Record<string, string>): Promise<boolean> {
  const { results } = await call<{ results?: unknown[] }>(`${list}?limit=1`, undefined, headers);
  return results?.length === 0;
}

/** What a login answers whose password is another, whose user may not log in, or that was tried too often. */
const REFUSED = [401, 403, 429];

/** The headers of whoever logs in; undefined when the login is refused. @throws {Trouble} for any other answer but 2xx */
export async function loginHeaders(
  url: string,
  login: { username: string; password: string },
): Promise<{ authorization: string } | undefined> {
  const path = `${url}/api/auth/login/`;
  const response = await send(path, login);
  if (REFUSED.includes(response.status)) return undefined;
  if (!response.ok) throw new Trouble(`${path} answered ${response.status}`);
  const { access } = (await response.json()) as { access: string };
  return { authorization: `Bearer ${access}` };
}
