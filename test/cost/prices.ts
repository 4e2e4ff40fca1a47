/**
 * List prices in US dollars, us-east-1, without free tiers: what AWS's pricing pages of each service say
 * (https://aws.amazon.com/dynamodb/pricing/on-demand/ and its siblings).
 */
export const PRICES = {
  /** REST API, the first 333 million a month. */
  api_requests: { each: 3.5e-6, of: 'API Gateway request' },
  invocations: { each: 0.2e-6, of: 'Lambda invocation' },
  /** ARM, the first 7.5 billion GB seconds a month. */
  gb_seconds: { each: 13.3334e-6, of: 'Lambda GB second' },
  write_units: { each: 0.625e-6, of: 'DynamoDB write unit' },
  read_units: { each: 0.125e-6, of: 'DynamoDB read unit' },
  queue_requests: { each: 0.4e-6, of: 'SQS request' },
  events: { each: 1e-6, of: 'EventBridge event' },
  /** Written and read once, on demand; each record in whole KB. */
  stream_kb: { each: (0.08 + 0.04) / 1_048_576, of: 'Kinesis KB' },
  object_puts: { each: 5e-6, of: 'S3 PUT' },
} as const;

export type Unit = keyof typeof PRICES;

/** A month's price of what stands there whether it is used or not. */
export const MONTHLY = {
  'AWS::SecretsManager::Secret': { each: 0.4, of: 'secret' },
  'AWS::CloudWatch::Alarm': { each: 0.1, of: 'alarm' },
  /** On demand, 730 hours. */
  'AWS::Kinesis::Stream': { each: 0.04 * 730, of: 'stream' },
  'AWS::KMS::Key': { each: 1, of: 'key' },
} as const;
