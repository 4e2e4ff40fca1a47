import { NestedStack, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/**
 * The stack inside of a construct's stack that holds all of a kind, made with the first; and a name in it for what is about
 * the construct. The backend alone has almost the 500 resources that CloudFormation takes in one stack.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
export function nestedFor(of: Construct, kind: string): { scope: Stack; name: string } {
  const stack = Stack.of(of);
  const found = stack.node.tryFindChild(kind) as NestedStack | undefined;
  return {
    scope: found ?? new NestedStack(stack, kind, { description: `${kind} of Mercato` }),
    name: of.node.path.slice(stack.node.path.length).replaceAll('/', ''),
  };
}
