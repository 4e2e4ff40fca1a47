import { createHash } from 'node:crypto';
import { faker } from '@faker-js/faker/locale/en';

/** Fixed, so that the same person is the same at any time. */
const REFERENCE = new Date('2026-01-01T00:00:00Z');
/** One address or card in so many belongs to nobody who is among the users. */
const STRANGERS = 8;

/** A UUID (version 4 by its form) that is always the same for the same name. */
function uidOf(name: string): string {
  const hex = createHash('sha256').update(`mercato ${name}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const seeded = (number: number, kind: number): void => {
  faker.seed([number, kind]);
  faker.setDefaultRefDate(REFERENCE);
};

const day = (date: Date): string => date.toISOString().slice(0, 10);
const code = (): number => faker.number.int({ min: 1, max: 9_999 });

/** Mixes the order within ten, another way for each kind, so that each of the three comes first at times. */
const mixed = (number: number, factor: number): number => number - (number % 10) + (((number % 10) * factor) % 10);

function user(number: number, version: number) {
  seeded(number, 1);
  const first_name = faker.person.firstName();
  const last_name = faker.person.lastName();
  const known = {
    id: code(),
    uid: uidOf(`person ${number}`),
    password: faker.internet.password({ length: 10 }),
    first_name,
    last_name,
    username: faker.internet.username({ firstName: first_name, lastName: last_name }).toLowerCase(),
    email: faker.internet.exampleEmail({ firstName: first_name, lastName: last_name }).toLowerCase(),
    avatar: `https://robohash.org/${faker.lorem.word()}${faker.lorem.word()}.png?size=300x300&set=set1`,
    gender: faker.person.gender(),
    phone_number: `+${faker.number.int({ min: 1, max: 99 })} ${faker.string.numeric('###')}.${faker.string.numeric('###')}.${faker.string.numeric('####')}`,
    social_insurance_number: faker.string.numeric({ length: 9, allowLeadingZeros: false }),
    date_of_birth: day(faker.date.birthdate()),
    employment: { title: faker.person.jobTitle(), key_skill: faker.person.jobArea() },
    address: {
      city: faker.location.city(),
      street_name: faker.location.street(),
      street_address: faker.location.streetAddress(),
      zip_code: faker.location.zipCode(),
      state: faker.location.state(),
      country: 'United States',
      coordinates: { lat: faker.location.latitude(), lng: faker.location.longitude() },
    },
    credit_card: { cc_number: faker.finance.creditCardNumber('visa') },
  };
  seeded(number + version, 4);
  return {
    ...known,
    subscription: {
      plan: faker.helpers.arrayElement(['Free Trial', 'Basic', 'Bronze', 'Student', 'Gold', 'Platinum', 'Business']),
      status: faker.helpers.arrayElement(['Active', 'Idle', 'Pending', 'Blocked']),
      payment_method: faker.helpers.arrayElement(['Credit card', 'Debit card', 'Paypal', 'Money transfer', 'Cash']),
      term: faker.helpers.arrayElement(['Monthly', 'Annual', 'Full subscription', 'Payment in advance']),
    },
  };
}

function address(number: number, version: number) {
  seeded(number, 2);
  const owner = number % STRANGERS === 5 ? `stranger ${number}` : `person ${number}`;
  const id = code();
  const uid = uidOf(owner);
  seeded(number + version, 5);
  const city = faker.location.city();
  const street_name = faker.location.street();
  const building_number = faker.location.buildingNumber();
  const zip_code = faker.location.zipCode();
  const state = faker.location.state();
  const secondary_address = faker.location.secondaryAddress();
  return {
    id,
    uid,
    city,
    street_name,
    street_address: `${building_number} ${street_name}`,
    secondary_address,
    building_number,
    mail_box: `PO Box ${faker.number.int({ max: 999 })}`,
    community: `${faker.word.adjective()} ${faker.word.noun()}`,
    zip_code,
    zip: zip_code,
    postcode: zip_code,
    time_zone: faker.location.timeZone(),
    street_suffix: street_name.split(' ').at(-1) ?? '',
    city_suffix: faker.helpers.arrayElement(['ton', 'land', 'ville', 'berg', 'burgh', 'side']),
    city_prefix: faker.helpers.arrayElement(['North', 'East', 'West', 'South', 'New', 'Lake', 'Port']),
    state,
    state_abbr: faker.location.state({ abbreviated: true }),
    country: faker.location.country(),
    country_code: faker.location.countryCode(),
    latitude: faker.location.latitude(),
    longitude: faker.location.longitude(),
    full_address: `${secondary_address} ${building_number} ${street_name}, ${city}, ${state} ${zip_code}`,
  };
}

function creditCard(number: number, version: number) {
  seeded(number, 3);
  const owner = number % STRANGERS === 2 ? `holder ${number}` : `person ${number}`;
  const credit_card_type = faker.helpers.arrayElement(['visa', 'mastercard', 'american_express', 'discover']);
  const known = {
    id: code(),
    uid: uidOf(owner),
    credit_card_number: (faker.finance.creditCardNumber(credit_card_type).match(/\d{1,4}/g) ?? []).join('-'),
  };
  seeded(number + version, 6);
  return { ...known, credit_card_expiry_date: day(faker.date.future({ years: 4 })), credit_card_type };
}

const KINDS = {
  users: { make: user, factor: 1 },
  addresses: { make: address, factor: 3 },
  credit_cards: { make: creditCard, factor: 7 },
};
export type Kind = keyof typeof KINDS;
export const isKind = (text: string): text is Kind => Object.hasOwn(KINDS, text);

/** The records `start` to `start + size` of a kind; the last of five or more is one that was given before, changed. */
export function records(kind: Kind, start: number, size: number): unknown[] {
  const { make, factor } = KINDS[kind];
  return Array.from({ length: size }, (_, place) => {
    const again = size >= 5 && place === size - 1 && start > 0;
    return again ? make(mixed(start % 100, factor), start) : make(mixed(start + place, factor), 0);
  });
}
