import type { NativeAttributeValue } from '@aws-sdk/util-dynamodb';

type Values = Record<string, NativeAttributeValue>;

/** What must hold of the stored item for a write to happen. All parts given must hold. */
export interface Condition {
  /** The item must be there (true) or not (false). */
  exists?: boolean;
  /** Attributes that must equal these values; `undefined` asks for the attribute to be absent. */
  equals?: Values;
  /** Attributes that must be absent or below these values. */
  below?: Values;
  /** Attributes that must be one of these values. */
  oneOf?: Record<string, NativeAttributeValue[]>;
  /** Lists that must be there with fewer members. */
  shorter?: Record<string, number>;
}

/** A change of an item. Members that are `undefined` in `set` are removed. */
export interface Change {
  set?: Values;
  /** Numbers to add to attributes; an absent one counts as 0. */
  add?: Record<string, number>;
  /** Values to append to list attributes; an absent one counts as empty. */
  append?: Record<string, NativeAttributeValue[]>;
  /** Attributes set only when they are absent. */
  setOnce?: Values;
}

/** An item after a change. */
export function changedBy({ set = {}, add = {}, append = {}, setOnce = {} }: Change, before: Values = {}): Values {
  const after: Values = { ...setOnce, ...before, ...set };
  for (const [attribute, amount] of Object.entries(add)) after[attribute] = Number(before[attribute] ?? 0) + amount;
  for (const [attribute, values] of Object.entries(append)) {
    after[attribute] = [...((before[attribute] as NativeAttributeValue[] | undefined) ?? []), ...values];
  }
  return after;
}

/** Collects names and values of DynamoDB expressions under placeholders, so that no attribute name is a reserved word. */
export class Expression {
  private readonly names: Record<string, string> = {};
  private readonly values: Values = {};

  private name(attribute: string): string {
    const known = Object.keys(this.names).find((one) => this.names[one] === attribute);
    const placeholder = known ?? `#n${Object.keys(this.names).length}`;
    this.names[placeholder] = attribute;
    return placeholder;
  }

  value(value: NativeAttributeValue): string {
    const placeholder = `:v${Object.keys(this.values).length}`;
    this.values[placeholder] = value;
    return placeholder;
  }

  condition({ exists, equals = {}, below = {}, oneOf = {}, shorter = {} }: Condition): string | undefined {
    const parts: string[] = [];
    if (exists !== undefined) parts.push(`attribute_${exists ? '' : 'not_'}exists(${this.name('pk')})`);
    for (const [attribute, value] of Object.entries(equals)) {
      const name = this.name(attribute);
      parts.push(value === undefined ? `attribute_not_exists(${name})` : `${name} = ${this.value(value)}`);
    }
    for (const [attribute, value] of Object.entries(below)) {
      const name = this.name(attribute);
      parts.push(`(attribute_not_exists(${name}) OR ${name} < ${this.value(value)})`);
    }
    for (const [attribute, values] of Object.entries(oneOf)) {
      parts.push(`${this.name(attribute)} IN (${values.map((value) => this.value(value)).join(', ')})`);
    }
    for (const [attribute, length] of Object.entries(shorter)) {
      parts.push(`size(${this.name(attribute)}) < ${this.value(length)}`);
    }
    return parts.length ? parts.join(' AND ') : undefined;
  }

  update({ set = {}, add = {}, append = {}, setOnce = {} }: Change): string {
    const sets: string[] = [];
    const removes: string[] = [];
    for (const [attribute, value] of Object.entries(set)) {
      if (value === undefined) removes.push(this.name(attribute));
      else sets.push(`${this.name(attribute)} = ${this.value(value)}`);
    }
    for (const [attribute, value] of Object.entries(setOnce)) {
      sets.push(`${this.name(attribute)} = if_not_exists(${this.name(attribute)}, ${this.value(value)})`);
    }
    for (const [attribute, values] of Object.entries(append)) {
      const name = this.name(attribute);
      sets.push(`${name} = list_append(if_not_exists(${name}, ${this.value([])}), ${this.value(values)})`);
    }
    const adds = Object.entries(add).map(([attribute, amount]) => `${this.name(attribute)} ${this.value(amount)}`);
    return [
      sets.length && `SET ${sets.join(', ')}`,
      removes.length && `REMOVE ${removes.join(', ')}`,
      adds.length && `ADD ${adds.join(', ')}`,
    ]
      .filter(Boolean)
      .join(' ');
  }

  /** `name op value` for a key condition. */
  compare(attribute: string, operator: '=' | '<' | '<=' | '>' | '>=', value: NativeAttributeValue): string {
    return `${this.name(attribute)} ${operator} ${this.value(value)}`;
  }

  between(attribute: string, from: NativeAttributeValue, to: NativeAttributeValue): string {
    return `${this.name(attribute)} BETWEEN ${this.value(from)} AND ${this.value(to)}`;
  }

  beginsWith(attribute: string, prefix: string): string {
    return `begins_with(${this.name(attribute)}, ${this.value(prefix)})`;
  }

  /** The placeholders, as a command takes them. */
  placeholders(): { ExpressionAttributeNames?: Record<string, string>; ExpressionAttributeValues?: Values } {
    return {
      ...(Object.keys(this.names).length && { ExpressionAttributeNames: this.names }),
      ...(Object.keys(this.values).length && { ExpressionAttributeValues: this.values }),
    };
  }
}
