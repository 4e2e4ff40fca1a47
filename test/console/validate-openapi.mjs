// reads an OpenAPI document from standard input and writes what a validator finds, as JSON; it is an ES module, as the
// validator is, which the test runner's own module system cannot load
import { text } from 'node:stream/consumers';
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator({ allErrors: true });
const result = await validator.validate(JSON.parse(await text(process.stdin)));
process.stdout.write(JSON.stringify({ ...result, version: validator.version }));
