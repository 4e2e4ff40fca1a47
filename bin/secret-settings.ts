import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';

/** `SendApiTokenSettingArn` → `SEND_API_TOKEN`; undefined for any other output. */
const settingOf = (output: string): string | undefined =>
  /^(\w+)SettingArn$/
    .exec(output)?.[1]
    ?.replace(/(?<=[a-z0-9])[A-Z]/g, '_$&')
    .toUpperCase();

/**
 * Puts the settings that are secret into the secrets that a deployed stack has for them, as its outputs say. They never pass
 * through the template. One that is not set, or is as it was, is left as it is; functions have a new one within five minutes.
 * @returns the names of those that were put
 */
export async function putSecretSettings(
  outputs: Record<string, string>,
  config: SecretsManagerClientConfig,
): Promise<string[]> {
  const put: string[] = [];
  for (const [output, SecretId] of Object.entries(outputs)) {
    const name = settingOf(output);
    const SecretString = name && process.env[name]?.trim();
    if (!name || !SecretString) continue;
    // the region is the stack's own, whatever the caller's is; on emulators an output may be a name without one
    const [, , , region] = SecretId.split(':');
    const client = new SecretsManagerClient({ ...config, ...(region && { region }) });
    const known = await client.send(new GetSecretValueCommand({ SecretId }));
    if (known.SecretString === SecretString) continue;
    await client.send(new PutSecretValueCommand({ SecretId, SecretString }));
    put.push(name);
  }
  return put;
}
