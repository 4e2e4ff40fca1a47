import { Box, FormHelperText, FormLabel } from '@mui/material';
import {
  ArrayInput,
  BooleanInput,
  DateTimeInput,
  required as isRequired,
  NullableBooleanInput,
  NumberInput,
  PasswordInput,
  SelectArrayInput,
  SelectInput,
  SimpleFormIterator,
  TextInput,
} from 'react-admin';
import { JsonText } from './body';
import { type Field, fieldsOf, inWords, itemFields } from './schema';

const choices = (values: string[]) => values.map((id) => ({ id, name: id }));

const jsonText = (value: unknown): string => {
  if (value instanceof JsonText) return value.text;
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
};

const isJson = (value: unknown): string | undefined =>
  value instanceof JsonText && !value.isJson ? 'is not JSON' : undefined;

/** A time of the machine's own clock as the API takes it, null for none. */
export const isoOf = (date: unknown): string | null => {
  if (date === '' || date === null || date === undefined) return null;
  const time = new Date(date as string);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
};

interface InputProps {
  field: Field;
  /** Where the value is in the form, as the API names it in problems. */
  source?: string;
  /** All fields of a change may be left as they are. */
  optional?: boolean;
}

/** What asks for a value of a schema. The API is the one that checks it. */
export function InputFor({ field, source = field.name, optional = false }: InputProps) {
  const { name, schema, kind, nullable } = field;
  const required = field.required && !optional && !nullable && kind !== 'boolean';
  const [example] = schema.examples ?? [];
  const hint = kind !== 'date' && ['string', 'number'].includes(typeof example) && `like ${example}`;
  const common = {
    source,
    label: inWords(name),
    helperText: [schema.description, hint].filter(Boolean).join('; ') || false,
    ...(required && { validate: isRequired() }),
    ...(schema.default !== undefined && !optional && { defaultValue: schema.default }),
  } as const;
  switch (kind) {
    case 'boolean':
      return schema.const === true || optional || !field.required ? (
        <NullableBooleanInput {...common} fullWidth />
      ) : (
        <BooleanInput {...common} />
      );
    case 'choice':
      return <SelectInput {...common} choices={choices(schema.enum ?? [])} emptyText={required ? '' : '–'} />;
    case 'choices':
      return <SelectArrayInput {...common} choices={choices(schema.items?.enum ?? [])} fullWidth />;
    case 'date':
      return <DateTimeInput {...common} parse={isoOf} />;
    case 'number':
      return <NumberInput {...common} min={schema.minimum} max={schema.maximum} />;
    case 'password':
      return (
        <PasswordInput {...common} autoComplete={/^(current|old)_/.test(name) ? 'current-password' : 'new-password'} />
      );
    case 'long':
      return <TextInput {...common} multiline minRows={2} />;
    case 'texts':
      return (
        <TextInput
          {...common}
          helperText={[common.helperText, 'several with commas between'].filter(Boolean).join('; ')}
          format={(value: unknown) => (Array.isArray(value) ? value.join(', ') : (value ?? ''))}
        />
      );
    case 'objects':
      return (
        <ArrayInput {...common} defaultValue={required ? [{}] : undefined}>
          <SimpleFormIterator inline fullWidth>
            {itemFields(schema).map((inner) => (
              <InputFor key={inner.name} field={inner} source={inner.name} />
            ))}
          </SimpleFormIterator>
        </ArrayInput>
      );
    case 'object':
      return (
        <Box component="fieldset" sx={{ width: '100%', border: 1, borderColor: 'divider', borderRadius: 1, mb: 2 }}>
          <FormLabel component="legend" sx={{ px: 0.5 }}>
            {common.label}
          </FormLabel>
          {common.helperText && <FormHelperText sx={{ mt: 0 }}>{common.helperText}</FormHelperText>}
          {fieldsOf(schema).map((inner) => (
            <InputFor
              key={inner.name}
              field={inner}
              source={`${source}.${inner.name}`}
              optional={optional || !required}
            />
          ))}
        </Box>
      );
    case 'json':
    case 'map':
      return (
        <TextInput
          {...common}
          multiline
          minRows={3}
          format={jsonText}
          parse={(text: string) => (text === '' ? null : new JsonText(text))}
          validate={required ? [isRequired(), isJson] : isJson}
        />
      );
    default:
      return (
        <TextInput {...common} {...(kind === 'decimal' && { slotProps: { htmlInput: { inputMode: 'decimal' } } })} />
      );
  }
}
