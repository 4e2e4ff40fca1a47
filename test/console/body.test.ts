import { bodyOf, changesOf, formErrors, JsonText } from '../../console/body';
import { fieldsOf, type Schema } from '../../console/schema';
import { consoleOperations } from '../../lib/console-operations';

const OPERATIONS = consoleOperations();
const fieldsFor = (name: string) => fieldsOf(OPERATIONS[name]?.body as Schema);

describe('the body of a form', () => {
  test.each([
    ['never filled in', {}],
    ['left empty', { from: null, to: undefined }],
    ['emptied', { from: '', to: '' }],
  ])('has nothing for an object %s that may be nothing', (_, time_window) => {
    const body = bodyOf(fieldsFor('changeMailing'), { text: 'Ready', time_window });
    expect(body).toEqual({ text: 'Ready', time_window: null });
  });

  test('has an object that must be one, though it is empty, and one with anything in it', () => {
    const values = { filter: { tag: null }, time_window: { from: '09:00', to: '' } };
    expect(bodyOf(fieldsFor('addMailing'), values)).toEqual({ filter: {}, time_window: { from: '09:00' } });
  });

  test('has the texts between commas, one alone as a text where that may stand', () => {
    const { filter } = bodyOf(fieldsFor('addMailing'), { filter: { tag: 'vip, new,', operator_code: '900 ' } });
    expect(filter).toEqual({ tag: ['vip', 'new'], operator_code: '900' });
    const ids = (text: string) => bodyOf(fieldsFor('putBackDeadLetters'), { filter: { ids: text } })['filter'];
    expect([ids('message.1'), ids(' , ')]).toEqual([{ ids: ['message.1'] }, {}]);
  });

  test('has what a JSON text says, a text among it', () => {
    const payload = (text: string) => bodyOf(fieldsFor('changeDeadLetter'), { payload: new JsonText(text) });
    expect(payload('{ "id": 1 }')).toEqual({ payload: { id: 1 } });
    expect(payload('"text"')).toEqual({ payload: 'text' });
    expect([new JsonText('{').isJson, new JsonText('null').isJson]).toEqual([false, true]);
  });
});

test('of a change, what was changed is sent, whatever the order of its parts; and what must be there', () => {
  const mailing = { text: 'Ready', filter: { operator_code: '900', tag: 'vip' }, time_window: null, status: 'running' };
  const values = { ...mailing, text: 'Fetch it', time_window: { from: '', to: '' } };
  expect(changesOf(fieldsFor('changeMailing'), values, mailing)).toEqual({ text: 'Fetch it' });
  const letter = { payload: 'as it was' };
  expect(changesOf(fieldsFor('changeDeadLetter'), letter, letter)).toEqual(letter);
  expect(changesOf(fieldsFor('putBack'), letter, letter)).toEqual({});
});

test('an object or nothing asks for what the object asks for', () => {
  expect(fieldsFor('putBack').map(({ name }) => name)).toEqual(['payload']);
});

describe('what was wrong with a body', () => {
  const errorsOf = (name: string, ...paths: string[]) =>
    formErrors(
      fieldsFor(name),
      paths.map((path) => ({ path, message: `wrong ${path}` })),
    );

  test('is said at the input that it is about, in objects and arrays too', () => {
    expect(errorsOf('addMailing', 'text', 'time_window.to', 'filter.tag.1')).toEqual({
      text: 'wrong text',
      'time_window.to': 'wrong time_window.to',
      'filter.tag': 'wrong filter.tag.1',
    });
    expect(errorsOf('placeOrder', 'items.11.price')).toEqual({ 'items.11.price': 'wrong items.11.price' });
  });

  test('is said of the whole where it is about no input', () => {
    expect(errorsOf('addMailing', 'filter', '', 'text')).toEqual({
      text: 'wrong text',
      root: { serverError: 'filter: wrong filter; wrong ' },
    });
    expect(errorsOf('placeOrder', 'items.0')).toEqual({ root: { serverError: 'items.0: wrong items.0' } });
  });
});
