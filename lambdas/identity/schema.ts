import * as z from 'zod';
import { ROLES, SCOPES } from '../kernel/contract';
import { Line, PageQuery, Timestamp, Uuid } from '../kernel/schema';

const MAX_EMAIL = 254; // RFC 5321, 4.5.3.1.3: a path has 256 octets, its angle brackets among them

/** NFKC first, as Django does: the length and the characters that count are those that are stored. */
export const Username = z
  .string()
  .normalize('NFKC')
  .min(3)
  .max(150)
  .regex(/^[\p{L}\p{N}@.+_-]+$/u, 'expected letters, digits and @ . + - _ only')
  .meta({ examples: ['ariana'] });

export const Email = z
  .email()
  .max(MAX_EMAIL)
  .meta({ examples: ['ariana@example.com'] });

export const PhoneNumber = z
  .string()
  .regex(/^\+?\d{3,15}$/, 'expected 3 to 15 digits, after a + when they begin with the country')
  .meta({ examples: ['+21658741196'] });

/** What a new password must be. The upper bound keeps hashing cheap. */
export const Password = z
  .string()
  .min(8, 'expected at least 8 characters')
  .max(128, 'expected at most 128 characters')
  .refine((text) => text.isWellFormed(), 'expected well-formed Unicode')
  .meta({ format: 'password', examples: ['correct horse battery staple'] });

const Roles = z.array(z.enum(ROLES)).meta({ examples: [['operator']] });

export const User = z
  .object({
    uuid: Uuid,
    username: z.string().meta({ examples: ['ariana'] }),
    email: z
      .string()
      .nullable()
      .meta({ examples: ['ariana@example.com'] }),
    phone_number: z
      .string()
      .nullable()
      .meta({ examples: ['+21658741196'] }),
    roles: Roles,
    is_active: z.boolean().meta({ description: 'false: no login, no refresh' }),
    created_at: Timestamp,
  })
  .meta({ id: 'User' });
export type User = z.output<typeof User>;

/**
 * The form under which login names are compared: two names that differ only in case or in width are one. Upper case, for
 * lower case depends on a letter's place in its word (Greek sigma); by way of lower case, for ẞ is an upper case itself.
 */
export const nameKey = (name: string): string => name.normalize('NFKC').toLowerCase().toUpperCase().normalize('NFKC');

/** Why a password is no secret, or undefined. */
export const passwordFlaw = (password: string, names: readonly (string | null | undefined)[]): string | undefined =>
  names.some((name) => name && nameKey(name) === nameKey(password)) ? 'must differ from username and email' : undefined;

const isObject = ({ value }: { value: unknown }): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOrNothing = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** A registration: one `password`, or two equal ones as the earlier systems' forms sent them. */
export const NewUser = z
  .object({
    username: Username,
    email: Email.nullish(),
    phone_number: PhoneNumber.nullish(),
    password: Password.optional().meta({ description: 'or `password1` and `password2`' }),
    password1: Password.optional(),
    password2: z.string().max(128).optional().meta({ description: 'the same as `password1`' }),
  })
  .superRefine(
    ({ username, email, password, password1, password2 }, context) => {
      const fault = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
      if (password === undefined && password1 === undefined) fault('password', 'expected a password');
      if (password === undefined && password1 !== password2) fault('password2', 'differs from password1');
      const chosen = textOrNothing(password ?? password1);
      const flaw = chosen && passwordFlaw(chosen, [username, email].map(textOrNothing));
      if (flaw) fault(password === undefined ? 'password1' : 'password', flaw);
    },
    // with other fields at fault too, so that one answer names all
    { when: isObject },
  )
  .transform(({ username, email, phone_number, password, password1 }) => ({
    username,
    email: email ?? null,
    phone_number: phone_number ?? null,
    password: password ?? password1 ?? '',
  }))
  .meta({
    examples: [{ username: 'ariana', email: 'ariana@example.com', password: 'correct horse battery staple' }],
  });
export type NewUser = z.output<typeof NewUser>;

const LoginName = z.string().normalize('NFKC').trim().max(MAX_EMAIL);

/** A login by `username` or by `email`; either field takes either name. */
export const Credentials = z
  .object({
    username: LoginName.nullish().meta({ examples: ['ariana'] }),
    email: LoginName.nullish(),
    password: z
      .string()
      .max(1_000)
      .meta({ format: 'password', examples: ['correct horse battery staple'] }),
  })
  .superRefine(
    ({ username, email }, context) => {
      if (username || email) return;
      context.addIssue({ code: 'custom', path: ['username'], message: 'expected a username or an email' });
    },
    { when: isObject },
  )
  .transform(({ username, email, password }) => ({ name: username || email || '', password }));

export const Tokens = z
  .object({
    access: z.string().meta({ description: 'JWT (ES256) for `Authorization: Bearer`' }),
    refresh: z.string().meta({ description: 'good for one refresh; keep it secret' }),
    token: z.string().meta({ description: 'the same as `access`' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'seconds until `access` expires', examples: [600] }),
  })
  .meta({ id: 'Tokens' });
export type Tokens = z.output<typeof Tokens>;

export const AccessToken = Tokens.pick({ access: true, token_type: true, expires_in: true }).meta({
  id: 'AccessToken',
});

export const Registered = z.object({ user: User, ...Tokens.shape }).meta({ id: 'Registered' });

export const RefreshToken = z.object({
  refresh: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: '`refresh` of the last answer with tokens', examples: ['…'] }),
});

export const PasswordChange = z.object({
  old_password: z
    .string()
    .max(1_000)
    .meta({ format: 'password', examples: ['correct horse battery staple'] }),
  new_password: Password.meta({ format: 'password', examples: ['another horse, other batteries'] }),
});

/** What users may change of themselves; `null` takes a value away. */
export const ProfileChange = z.object({
  email: Email.nullable().exactOptional(),
  phone_number: PhoneNumber.nullable().exactOptional(),
});

/** What an admin may change of a user. */
export const UserChange = ProfileChange.extend({
  roles: Roles.max(ROLES.length).exactOptional(),
  is_active: z.boolean().exactOptional(),
  password: Password.exactOptional().meta({ description: 'for a user who forgot it; ends their sessions' }),
});
export type UserChange = z.output<typeof UserChange>;

export const UserQuery = PageQuery.extend({
  search: z
    .string()
    .normalize('NFKC')
    .trim()
    .max(150)
    .optional()
    .meta({ description: 'beginning of the username or the email, in any case; sorted by it then' }),
});

export const UserPath = z.object({ uuid: Uuid });

const Prefix = z
  .string()
  .regex(/^[A-Za-z0-9]{8}$/)
  .meta({ description: 'the eight characters after `mk_`', examples: ['Zk3x9QpA'] });
export const ApiKeyPath = z.object({ prefix: Prefix });

const Scopes = z.array(z.enum(SCOPES)).meta({ examples: [['receipts:write']] });

export const ApiKey = z
  .object({
    id: Uuid,
    prefix: Prefix,
    name: z.string().meta({ examples: ['till 4'] }),
    roles: Roles,
    scopes: Scopes,
    expires_at: Timestamp.nullable().meta({ description: 'null: until it is deleted' }),
    created_at: Timestamp,
    created_by: z.string().meta({ description: 'uuid of the admin, or id of the API key' }),
    rolled_at: Timestamp.nullable().meta({ description: 'when it got its present secret, null for its first' }),
    last_used_at: Timestamp.nullable().meta({ description: 'exact to a minute' }),
  })
  .meta({ id: 'ApiKey' });

export const ShownApiKey = z
  .object({ key: z.string().meta({ description: 'shown this once' }), ...ApiKey.shape })
  .meta({ id: 'ShownApiKey' });

export const NewApiKey = z
  .object({
    name: Line(100).meta({ examples: ['till 4'] }),
    roles: Roles.max(ROLES.length).default([]),
    scopes: Scopes.max(SCOPES.length).default([]),
    expires_at: Timestamp.nullable()
      .default(null)
      .refine((at) => at === null || Date.parse(at) > Date.now(), 'expected a time to come'),
  })
  .superRefine(
    ({ roles, scopes }, context) => {
      if (!Array.isArray(roles) || !Array.isArray(scopes) || roles.length || scopes.length) return;
      context.addIssue({ code: 'custom', path: ['scopes'], message: 'expected at least one role or scope' });
    },
    { when: isObject },
  )
  .meta({ examples: [{ name: 'till 4', scopes: ['receipts:write'] }] });

const DAY_SECONDS = 86_400;

export const ApiKeyRoll = z.object({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * DAY_SECONDS)
    .default(DAY_SECONDS)
    .meta({ description: 'how long the earlier secrets still hold; 0 ends them at once' }),
});

export const Jwks = z.object({
  keys: z.array(
    z.object({
      kty: z.literal('EC'),
      crv: z.literal('P-256'),
      x: z.string(),
      y: z.string(),
      kid: z.string(),
      alg: z.literal('ES256'),
      use: z.literal('sig'),
    }),
  ),
});
