"""What erasing a customer does to each table. Amounts, dates, states, products and our own keys stay: they name nobody, and
books rest on them. Free text goes whatever it says, since anybody may have written a name into it."""

# ruff: noqa: S608 - of constants alone

_ORDERS = "IN (SELECT id FROM orders WHERE customer = :customer)"
_SUBSCRIPTIONS = "IN (SELECT id FROM subscriptions WHERE customer = :customer)"
_WORDS = "replace(replace(type, '.', ' '), '_', ' ')"
_NOBODY = """'{"name": "erased", "email": null, "address": null, "buyer_reference": null, "payment_method": null,
              "verified": false, "tax": {}}'::jsonb"""

NOW = (
    # first what finds the tokens by what is overwritten below
    """
    WITH used AS (
        SELECT method AS token FROM payment_attempts WHERE customer = :customer
        UNION SELECT method FROM collections WHERE customer = :customer
        UNION SELECT document ->> 'payment_method' FROM orders WHERE customer = :customer
        UNION SELECT document ->> 'payment_method' FROM customers WHERE id = :customer
    )
    DELETE FROM token_facts WHERE token IN (SELECT token FROM used)
       AND NOT EXISTS (SELECT 1 FROM payment_attempts other WHERE other.method = token AND other.customer <> :customer)
    """,
    """
    UPDATE gateway_inbox inbox SET body = body - 'facts' - 'method' - 'reason'
     WHERE body ->> 'payment' IN (SELECT key FROM payment_attempts WHERE customer = :customer)
        OR (gateway, body ->> 'reference') IN (SELECT gateway, reference FROM payment_attempts WHERE customer = :customer)
        OR EXISTS (SELECT FROM payment_method_tokens token JOIN payment_methods ON id = token.method
                    WHERE customer = :customer AND token.gateway = inbox.gateway
                      AND body ->> 'method' IN (token.token, split_part(token.token, ':', 2)))
    """,
    "DELETE FROM payment_method_tokens WHERE method IN (SELECT id FROM payment_methods WHERE customer = :customer)",
    f"UPDATE payment_method_events SET summary = {_WORDS}"
    " WHERE method IN (SELECT id FROM payment_methods WHERE customer = :customer)",
    "UPDATE payment_methods SET state = 'revoked', expires_at = NULL, facts = jsonb_build_object('kind', facts -> 'kind')"
    " WHERE customer = :customer",
    "UPDATE payment_attempts SET method = 'erased', action = NULL WHERE customer = :customer",
    "UPDATE collections SET method = 'erased' WHERE customer = :customer",
    "UPDATE disputes SET evidence = NULL WHERE payment IN (SELECT key FROM payment_attempts WHERE customer = :customer)",
    "UPDATE refunds SET reason = '', message = ''"
    " WHERE payment IN (SELECT key FROM payment_attempts WHERE customer = :customer)",
    # orders
    """
    UPDATE orders SET reason = '', waiting_on = NULL,
           document = (document - 'payment_method' - 'external_reference') || jsonb_build_object('items', (
               SELECT jsonb_agg((one - 'characteristics') #- '{change,reason}' ORDER BY place)
                 FROM jsonb_array_elements(document -> 'items') WITH ORDINALITY each (one, place)))
     WHERE customer = :customer
    """,
    f"""UPDATE order_items SET document = document || '{{"remote_id": null, "reason": ""}}'::jsonb WHERE order_id {_ORDERS}""",
    f"""UPDATE order_steps SET document = document || '{{"error": ""}}'::jsonb WHERE order_id {_ORDERS}""",
    f"""
    UPDATE approvals SET document = jsonb_set(document, '{{ballot,cast}}', coalesce((
               SELECT jsonb_agg(one || '{{"reason": ""}}'::jsonb ORDER BY place)
                 FROM jsonb_array_elements(document #> '{{ballot,cast}}') WITH ORDINALITY each (one, place)), '[]'::jsonb))
     WHERE order_id {_ORDERS}
    """,
    f"""
    UPDATE fallout SET document = document || '{{"error": "erased", "reason": "", "evidence": ""}}'::jsonb
     WHERE order_id {_ORDERS}
    """,
    f"""
    UPDATE events SET summary = {_WORDS}, data = CASE type WHEN 'order.screened' THEN data ELSE '{{}}'::jsonb END
     WHERE order_id {_ORDERS}
    """,
    f"UPDATE inbox SET body = '{{}}'::jsonb WHERE order_id {_ORDERS}",
    f"DELETE FROM fraud_sightings WHERE order_id {_ORDERS}",
    f"DELETE FROM fraud_screenings WHERE order_id {_ORDERS}",
    f"UPDATE fraud_scores SET trouble = '' WHERE order_id {_ORDERS}",
    f"""
    UPDATE dispatches SET payload = '{{}}'::jsonb, error = NULL
     WHERE sent_at IS NOT NULL AND (subject {_ORDERS} OR subject {_SUBSCRIPTIONS}
        OR subject IN (SELECT id FROM invoices WHERE customer = :customer)
        OR payload #>> '{{event,payment}}' IN (SELECT key FROM payment_attempts WHERE customer = :customer))
    """,
    # what is live after them
    "UPDATE services SET remote_id = NULL WHERE customer = :customer",
    "UPDATE service_exports SET address = NULL WHERE customer = :customer",
    """
    UPDATE subscriptions SET payment_method = NULL, document =
           CASE WHEN document #> '{ending,words}' IS NULL THEN document ELSE jsonb_set(document, '{ending,words}', '""') END
           || '{"remote_id": null, "legal_hold": "", "changes": []}'::jsonb
     WHERE customer = :customer
    """,
    f"UPDATE subscription_events SET summary = {_WORDS}, data = '{{}}'::jsonb WHERE subscription {_SUBSCRIPTIONS}",
    f"UPDATE ordered_changes SET refusal = CASE WHEN refusal IS NULL THEN NULL ELSE 'erased' END"
    f" WHERE subscription {_SUBSCRIPTIONS}",
    "DELETE FROM messages WHERE customer = :customer",
    # invoices that never were issued name their buyer for no law
    f"""
    UPDATE invoices SET evidence = jsonb_set(evidence, '{{buyer}}', (evidence -> 'buyer') || {_NOBODY})
     WHERE customer = :customer AND number IS NULL AND evidence ? 'buyer'
    """,
    f"UPDATE invoice_events SET summary = {_WORDS} WHERE invoice IN (SELECT id FROM invoices WHERE customer = :customer)",
    "DELETE FROM vat_checks WHERE customer = :customer",
    """
    DELETE FROM vat_proofs WHERE vat_id IN (SELECT document #>> '{tax,vat_id}' FROM customers WHERE id = :customer)
       AND NOT EXISTS (SELECT 1 FROM customers WHERE id <> :customer AND document #>> '{tax,vat_id}' = vat_proofs.vat_id)
       AND NOT EXISTS (SELECT 1 FROM invoices WHERE customer = :customer AND number IS NOT NULL)
    """,
    f"UPDATE customers SET version = version + 1, document = document || {_NOBODY} WHERE id = :customer",
)
"""At once."""

AFTERWARDS = (
    """
    DELETE FROM vat_proofs WHERE vat_id IN (SELECT evidence #>> '{buyer,tax,vat_id}' FROM invoices WHERE customer = :customer)
       AND NOT EXISTS (SELECT 1 FROM customers WHERE id <> :customer AND document #>> '{tax,vat_id}' = vat_proofs.vat_id)
       AND NOT EXISTS (SELECT 1 FROM invoices
                        WHERE customer <> :customer AND evidence #>> '{buyer,tax,vat_id}' = vat_proofs.vat_id)
    """,
    f"""
    UPDATE invoices SET evidence = jsonb_set(evidence - 'proof', '{{buyer}}', (evidence -> 'buyer') || {_NOBODY})
     WHERE customer = :customer AND evidence ? 'buyer'
    """,
    """
    UPDATE credit_notes SET reason = CASE WHEN document ? 'memo' THEN document ->> 'reason' ELSE reason END,
           document = document || '{"memo": ""}'::jsonb
     WHERE customer = :customer
    """,
    "UPDATE receipts SET remittance = '', counterparty = '', reference = '' WHERE customer = :customer",
)
"""Once no law needs the documents any more."""
