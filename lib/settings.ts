/**
 * What the deployer sets in the environment or `.env`, read when the stack is synthesised. One place, so that `.env.example`
 * has one source; an empty value counts as not set.
 */
const setting = (name: string): string | undefined => process.env[name]?.trim() || undefined;

/** An address below which paths are appended. @throws when it is not an http(s) address */
function address(name: string): string | undefined {
  const text = setting(name);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error(`${name} is ${text}, expected an http(s) address`);
  return text.replace(/\/+$/, '');
}

/** Minutes between two runs of a schedule. @throws when it is not a whole number of at least 1 */
function minutes(name: string): number | undefined {
  const text = setting(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is ${text}, expected a whole number of minutes`);
  return value;
}

/** A number that is not negative. @throws when it is not one */
function amount(name: string): number | undefined {
  const text = setting(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} is ${text}, expected a number of at least 0`);
  return value;
}

/** An hour of the day. @throws when it is not a whole number from 0 to 23 */
function hour(name: string): number | undefined {
  const value = amount(name);
  if (value === undefined || (Number.isInteger(value) && value < 24)) return value;
  throw new Error(`${name} is ${value}, expected an hour from 0 to 23`);
}

/** A time zone. @throws when the IANA database has none of the name */
function zone(name: string): string | undefined {
  const text = setting(name);
  if (text === undefined) return undefined;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    // a runtime may take offsets as well
    if (/^[A-Za-z]/.test(text)) return text;
  } catch {
    // the one way to ask for it
  }
  throw new Error(`${name} is ${text}, expected a time zone such as Europe/Berlin`);
}

/** The settings of this deployment. */
export const settings = () => ({
  randomDataApiUrl: address('RANDOM_DATA_API_URL'),
  profilesEveryMinutes: minutes('PROFILES_EVERY_MINUTES'),
  sendApiUrl: address('SEND_API_URL'),
  sendRatePerSecond: amount('SEND_RATE_PER_SECOND'),
  statsEmail: setting('STATS_EMAIL'),
  statsEmailFrom: setting('STATS_EMAIL_FROM'),
  statsEmailHour: hour('STATS_EMAIL_HOUR'),
  statsEmailZone: zone('STATS_EMAIL_ZONE'),
  /** Entries of the audit trail go after so many days. */
  auditDays: amount('AUDIT_DAYS'),
  /** As the issuer writes itself, a slash at the end included. */
  oidcIssuer: setting('OIDC_ISSUER'),
  oidcAudience: setting('OIDC_AUDIENCE'),
  oidcRoleClaim: setting('OIDC_ROLE_CLAIM'),
  /** The console's name at the issuer: with it, users log in there. */
  oidcClientId: setting('OIDC_CLIENT_ID'),
  baseOfferMicroserviceApi: address('BASE_OFFER_MICROSERVICE_API'),
});
