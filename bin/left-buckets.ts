import {
  CloudFormationClient,
  type CloudFormationClientConfig,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

async function empty(client: S3Client, Bucket: string): Promise<void> {
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket })) {
    const Objects = Contents.map(({ Key = '' }) => ({ Key }));
    if (Objects.length) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
  }
}

/**
 * Empties the buckets at which the deletion of a stack has failed, if it has.
 * @returns how many they were
 */
export async function emptyLeftBuckets(
  StackName: string,
  config: CloudFormationClientConfig & S3ClientConfig,
): Promise<number> {
  const formation = new CloudFormationClient(config);
  const found = await formation.send(new DescribeStacksCommand({ StackName })).catch(() => undefined);
  if (found?.Stacks?.[0]?.StackStatus !== 'DELETE_FAILED') return 0;
  const { StackResources = [] } = await formation.send(new DescribeStackResourcesCommand({ StackName }));
  const left = StackResources.filter(
    ({ ResourceType, ResourceStatus }) => ResourceType === 'AWS::S3::Bucket' && ResourceStatus === 'DELETE_FAILED',
  );
  for (const { PhysicalResourceId = '' } of left) await empty(new S3Client(config), PhysicalResourceId);
  return left.length;
}
