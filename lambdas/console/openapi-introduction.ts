/** What every operation has in common, said once, at the head of the document (CommonMark). */
export const INTRODUCTION = `A retail back office: users and keys, orders with their tasks and webhooks, products with offers, receipts with analytics, mailings, collected profiles, the audit trail and operations.

**Credentials.** \`Authorization: Bearer <token>\` from a login, or an API key as \`Authorization: Api-Key <key>\` or \`X-Api-Key: <key>\`. Each operation says who may call it; an admin always may.

**Paths** answer with and without their trailing slash.

**Problems** are \`application/problem+json\` (RFC 9457). \`errors\` names every field at fault, \`type\` leads to [an explanation](../problems/), \`request_id\` finds the call in the logs.

**Lists** answer \`{ "results": […], "next": "/api/…?cursor=…" | null }\`, newest first unless said otherwise. \`next\` is a path below the base address of the API; \`limit\` is 50 by default and 200 at most.

**Idempotency-Key** on a POST that makes something: the same key and body give the first answer again, for at least 24 hours; another body gives 422.

**ETag** comes with every answer that has a body. \`If-None-Match\` gives 304; \`If-Match\` on PUT, PATCH and some DELETEs gives 412 when the record was changed since.

**Money** is decimal: a number or a text with at most two decimals in, a text with two decimals out. **Times** are RFC 3339; an offset is converted, without one UTC is meant; UTC with \`Z\` comes out.`;
