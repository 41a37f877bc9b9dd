"""Invoices with numbers and drafts; coupons, prepaid credit, balances; a ledger that says what it is about."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COMMENTS = {
    "COLUMN invoices.subscription": "the only one it is for, where each has invoices of its own",
    "COLUMN invoices.write_offs": "how often it was given up",
    "COLUMN invoices.waiting_for": "what keeps a draft that is due from being issued",
    "COLUMN invoices.document": "as issued; empty while it is a draft",
    "COLUMN invoices.evidence": "who sold to whom as they were then, and why it was taxed so",
    "COLUMN coupon_redemptions.released": "came to nothing, and counts no longer",
    "COLUMN ledger_transactions.id": "a business fact: it is posted once",
    "TABLE ledger_entries": "Append-only; each transaction sums to zero per currency, held by a trigger",
    "TABLE billables": "What was or will be charged: each charge of each period once, by its business key",
    "TABLE document_numbers": "The last number given; its row is locked from then until the document is written",
}
TABLES = [
    "ALTER TABLE invoices RENAME TO invoices_0003",
    "ALTER TABLE invoice_lines RENAME TO invoice_lines_0003",
    "ALTER TABLE credit_notes RENAME TO credit_notes_0003",
    "ALTER TABLE invoices_0003 DROP CONSTRAINT pk_invoices CASCADE",
    "ALTER TABLE credit_notes_0003 DROP CONSTRAINT pk_credit_notes",
    "DROP INDEX ix_invoices_order_id",
    "DROP INDEX ix_credit_notes_invoice",
    """
    CREATE TABLE invoices (
        id varchar CONSTRAINT pk_invoices PRIMARY KEY,
        number varchar,
        state varchar NOT NULL,
        customer varchar NOT NULL CONSTRAINT fk_invoices_customer REFERENCES customers (id),
        legal_entity varchar NOT NULL,
        currency varchar NOT NULL,
        order_id varchar CONSTRAINT fk_invoices_order_id REFERENCES orders (id),
        subscription varchar,
        issue_date date NOT NULL,
        due_date date NOT NULL,
        total bigint NOT NULL,
        amount_due bigint NOT NULL,
        paid bigint NOT NULL,
        credited bigint NOT NULL,
        written_off bigint NOT NULL,
        write_offs integer NOT NULL,
        finalizable_at timestamptz,
        waiting_for varchar,
        document jsonb NOT NULL,
        evidence jsonb NOT NULL,
        gathered_at timestamptz NOT NULL,
        issued_at timestamptz,
        CONSTRAINT uq_invoices_legal_entity_number UNIQUE (legal_entity, number),
        CONSTRAINT ck_invoices_numbered CHECK ((number IS NULL) = (issued_at IS NULL)),
        CONSTRAINT ck_invoices_draft_or_issued CHECK (number IS NOT NULL OR state IN ('draft', 'voided'))
    )
    """,
    "CREATE INDEX ix_invoices_customer ON invoices (customer, gathered_at, id)",
    "CREATE INDEX ix_invoices_state ON invoices (state, gathered_at, id)",
    "CREATE INDEX ix_invoices_gathered_at ON invoices (gathered_at, id)",
    "CREATE INDEX ix_invoices_number ON invoices (number)",
    "CREATE INDEX ix_invoices_order_id ON invoices (order_id)",
    "CREATE INDEX ix_invoices_open ON invoices (legal_entity, due_date) WHERE state IN ('finalized', 'partially_paid')",
    "CREATE INDEX ix_invoices_finalizable ON invoices (finalizable_at, id) WHERE state = 'draft'",
    """
    CREATE UNIQUE INDEX uq_invoices_open_draft ON invoices (customer, legal_entity, currency, COALESCE(subscription, ''))
        WHERE state = 'draft'
    """,
    """
    CREATE TABLE billables (
        id varchar CONSTRAINT pk_billables PRIMARY KEY,
        customer varchar NOT NULL CONSTRAINT fk_billables_customer REFERENCES customers (id),
        legal_entity varchar NOT NULL,
        currency varchar NOT NULL,
        due_at timestamptz NOT NULL,
        invoice varchar CONSTRAINT fk_billables_invoice REFERENCES invoices (id),
        line jsonb NOT NULL
    )
    """,
    "CREATE INDEX ix_billables_due ON billables (customer, legal_entity, currency, due_at) WHERE invoice IS NULL",
    "CREATE INDEX ix_billables_invoice ON billables (invoice)",
    """
    CREATE TABLE document_numbers (
        legal_entity varchar NOT NULL,
        kind varchar NOT NULL,
        year integer NOT NULL,
        last integer NOT NULL,
        CONSTRAINT pk_document_numbers PRIMARY KEY (legal_entity, kind, year)
    )
    """,
    """
    CREATE TABLE credit_notes (
        id varchar CONSTRAINT pk_credit_notes PRIMARY KEY,
        number varchar NOT NULL,
        invoice varchar NOT NULL CONSTRAINT fk_credit_notes_invoice REFERENCES invoices (id),
        customer varchar NOT NULL CONSTRAINT fk_credit_notes_customer REFERENCES customers (id),
        legal_entity varchar NOT NULL,
        currency varchar NOT NULL,
        total bigint NOT NULL,
        reason varchar NOT NULL,
        issue_date date NOT NULL,
        document jsonb NOT NULL,
        issued_at timestamptz NOT NULL,
        CONSTRAINT uq_credit_notes_legal_entity_number UNIQUE (legal_entity, number)
    )
    """,
    "CREATE INDEX ix_credit_notes_invoice ON credit_notes (invoice)",
    "CREATE INDEX ix_credit_notes_issued_at ON credit_notes (issued_at, id)",
    """
    CREATE TABLE coupons (
        id varchar CONSTRAINT pk_coupons PRIMARY KEY,
        redeemed integer NOT NULL DEFAULT 0,
        document jsonb NOT NULL,
        created_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE coupon_redemptions (
        key varchar CONSTRAINT pk_coupon_redemptions PRIMARY KEY,
        coupon varchar NOT NULL CONSTRAINT fk_coupon_redemptions_coupon REFERENCES coupons (id),
        customer varchar NOT NULL CONSTRAINT fk_coupon_redemptions_customer REFERENCES customers (id),
        order_id varchar CONSTRAINT fk_coupon_redemptions_order_id REFERENCES orders (id),
        open boolean NOT NULL,
        released boolean NOT NULL DEFAULT false,
        document jsonb NOT NULL,
        redeemed_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_coupon_redemptions_coupon ON coupon_redemptions (coupon, customer)",
    "CREATE INDEX ix_coupon_redemptions_open ON coupon_redemptions (customer) WHERE open",
    "CREATE INDEX ix_coupon_redemptions_order_id ON coupon_redemptions (order_id)",
    """
    CREATE TABLE wallets (
        customer varchar NOT NULL CONSTRAINT fk_wallets_customer REFERENCES customers (id),
        currency varchar NOT NULL,
        document jsonb NOT NULL,
        expires_at timestamptz,
        CONSTRAINT pk_wallets PRIMARY KEY (customer, currency)
    )
    """,
    "CREATE INDEX ix_wallets_expires_at ON wallets (expires_at) WHERE expires_at IS NOT NULL",
    """
    CREATE TABLE customer_balances (
        customer varchar NOT NULL CONSTRAINT fk_customer_balances_customer REFERENCES customers (id),
        currency varchar NOT NULL,
        credit bigint NOT NULL,
        CONSTRAINT pk_customer_balances PRIMARY KEY (customer, currency)
    )
    """,
    """
    CREATE TABLE ledger_transactions (
        id varchar CONSTRAINT pk_ledger_transactions PRIMARY KEY,
        at timestamptz NOT NULL,
        description varchar NOT NULL,
        reference varchar NOT NULL DEFAULT '',
        order_id varchar CONSTRAINT fk_ledger_transactions_order_id REFERENCES orders (id)
    )
    """,
    "CREATE INDEX ix_ledger_transactions_at ON ledger_transactions (at, id)",
    """
    INSERT INTO ledger_transactions (id, at, description, order_id)
    SELECT "transaction", min(posted_at), "transaction", min(order_id) FROM ledger_entries GROUP BY "transaction"
    """,
    "DROP TRIGGER ledger_balances ON ledger_entries",
    "DROP FUNCTION ledger_balances()",
    "ALTER TABLE ledger_entries ALTER COLUMN order_id DROP NOT NULL",
    "ALTER TABLE ledger_entries ADD COLUMN subject varchar NOT NULL DEFAULT ''",
    "ALTER TABLE ledger_entries DROP CONSTRAINT uq_ledger_entries_transaction_account_currency",
    """
    ALTER TABLE ledger_entries ADD CONSTRAINT uq_ledger_entries_transaction_account_subject_currency
        UNIQUE ("transaction", account, subject, currency)
    """,
    'COMMENT ON COLUMN ledger_entries."transaction" IS NULL',
    """
    ALTER TABLE ledger_entries ADD CONSTRAINT fk_ledger_entries_transaction
        FOREIGN KEY ("transaction") REFERENCES ledger_transactions (id)
    """,
    "CREATE INDEX ix_ledger_entries_subject ON ledger_entries (subject, account) WHERE subject <> ''",
    "CREATE INDEX ix_ledger_entries_account ON ledger_entries (account, id)",
    "CREATE INDEX ix_ledger_entries_posted_at ON ledger_entries (posted_at)",
    """
    CREATE FUNCTION ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE wrong record;
    BEGIN
        SELECT one."transaction", booked.currency, booked.difference INTO wrong
          FROM (SELECT DISTINCT "transaction" FROM added) one,
               LATERAL (SELECT currency, sum(amount) AS difference FROM ledger_entries
                         WHERE "transaction" = one."transaction" GROUP BY currency) booked
         WHERE booked.difference <> 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'ledger transaction % does not balance in %: %',
                wrong."transaction", wrong.currency, wrong.difference USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER ledger_balances AFTER INSERT ON ledger_entries REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_balances()
    """,
    """
    CREATE TRIGGER ledger_transactions_append_only BEFORE UPDATE OR DELETE ON ledger_transactions
        FOR EACH ROW EXECUTE FUNCTION append_only()
    """,
    """
    CREATE FUNCTION issued_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.number IS NOT NULL AND (TG_OP = 'DELETE' OR
            (OLD.number, OLD.document, OLD.issue_date, OLD.due_date, OLD.total, OLD.currency, OLD.customer, OLD.legal_entity)
            IS DISTINCT FROM
            (NEW.number, NEW.document, NEW.issue_date, NEW.due_date, NEW.total, NEW.currency, NEW.customer, NEW.legal_entity)
            OR OLD.evidence IS DISTINCT FROM NEW.evidence) THEN
            RAISE EXCEPTION 'invoice % is issued and stays as it is; correct it by a credit note', OLD.number
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END $$
    """,
    "CREATE TRIGGER issued_invoices_stay BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW EXECUTE FUNCTION issued_stays()",
    """
    CREATE TRIGGER credit_notes_append_only BEFORE UPDATE OR DELETE ON credit_notes
        FOR EACH ROW EXECUTE FUNCTION append_only()
    """,
]
"""A ledger transaction is written by one statement, after which it balances per currency, or nothing of it is written."""


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for what, text in COMMENTS.items():
        op.execute(f"COMMENT ON {what} IS '{text}'")
    connection = op.get_bind()
    sequences: dict[int, int] = {}
    for row in connection.execute(sa.text("SELECT * FROM invoices_0003 ORDER BY issued_at, id")).mappings().all():
        year = row["issued_at"].year
        sequences[year] = sequences.get(year, 0) + 1
        _carry_over(connection, dict(row), f"INV-{year}-{sequences[year]:06}")
    for year, last in sequences.items():
        _insert(connection, "document_numbers", legal_entity="main", kind="invoice", year=year, last=last)
    _carry_credit_notes_over(connection)
    _defer_by_line(connection)
    _say_what_it_is_about(connection)
    for table in ("credit_notes_0003", "invoice_lines_0003", "invoices_0003"):
        op.execute(f"DROP TABLE {table}")


def _carry_over(connection: Any, row: dict[str, Any], number: str) -> None:
    """Until then an order had one invoice, without tax, paid at once, and given back in cash with each credit note."""
    stored = connection.execute(
        sa.text("SELECT * FROM invoice_lines_0003 WHERE invoice = :id ORDER BY line"), {"id": row["id"]}
    ).mappings()
    money = {"currency": row["currency"]}
    lines = [
        {
            "id": f"{row['id']}:{line['line']}",
            "item": line["item"],
            "charge": line["name"],
            "description": line["name"],
            "quantity": str(line["quantity"]),
            "amount": {**money, "minor": line["amount"]},
        }
        for line in stored
    ]
    issued = row["issued_at"].date().isoformat()
    nothing, total = {**money, "minor": 0}, {**money, "minor": row["total"]}
    head = {"id": row["id"], "customer": row["customer"], "legal_entity": "main", "currency": row["currency"]}
    document = {
        **head,
        "number": number,
        "issue_date": issued,
        "due_date": issued,
        "net_days": 0,
        "lines": lines,
        "taxed": _untaxed(lines, total, nothing),
        "settlement": {"balance_applied": nothing, "prepaid_applied": nothing, "carried_forward": nothing, "amount_due": total},
    }
    _insert(
        connection,
        "invoices",
        **head,
        number=number,
        state="paid" if row["paid"] >= row["total"] else "finalized",
        order_id=row["order_id"],
        issue_date=row["issued_at"].date(),
        due_date=row["issued_at"].date(),
        total=row["total"],
        amount_due=max(0, row["total"] - row["paid"]),
        paid=row["paid"],
        credited=0,
        written_off=0,
        write_offs=0,
        document=json.dumps(document),
        evidence="{}",
        gathered_at=row["issued_at"],
        issued_at=row["issued_at"],
    )
    for line in lines:
        _insert(
            connection,
            "billables",
            id=line["id"],
            customer=row["customer"],
            legal_entity="main",
            currency=row["currency"],
            due_at=row["issued_at"],
            invoice=row["id"],
            line=json.dumps(line),
        )


def _untaxed(lines: list[dict[str, Any]], total: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    kind = {"category": "O", "jurisdiction": {"country": "ZZ"}, "reason": "No tax was charged"}
    taxed = [
        {
            "id": line["id"],
            "net": line["amount"],
            "tax": nothing,
            "gross": line["amount"],
            "taxes": [{"kind": 0, "amount": nothing}],
        }
        for line in lines
    ]
    subtotals = [{"kind": kind, "taxable": total, "tax": nothing}] if lines else []
    currency = total["currency"]
    return {"currency": currency, "lines": taxed, "subtotals": subtotals, "net": total, "tax": nothing, "gross": total}


def _carry_credit_notes_over(connection: Any) -> None:
    query = """
        SELECT note.*, invoice.customer, invoice.currency, given.document AS given FROM credit_notes_0003 note
          JOIN invoices_0003 invoice ON invoice.id = note.invoice JOIN invoices given ON given.id = note.invoice
         ORDER BY note.issued_at, note.id
    """
    sequences: dict[int, int] = {}
    for row in connection.execute(sa.text(query)).mappings().all():
        year = row["issued_at"].year
        sequences[year] = sequences.get(year, 0) + 1
        _carry_credit_note_over(connection, dict(row), f"CN-{year}-{sequences[year]:06}")
    for year, last in sequences.items():
        _insert(connection, "document_numbers", legal_entity="main", kind="credit_note", year=year, last=last)


def _carry_credit_note_over(connection: Any, row: dict[str, Any], number: str) -> None:
    given = row["given"] if isinstance(row["given"], dict) else json.loads(row["given"])
    amount, nothing = ({"currency": row["currency"], "minor": minor} for minor in (row["amount"], 0))
    credited = _of_lines(given["lines"], row["id"].rpartition(":")[2], row["amount"])
    head = {"id": row["id"], "number": number, "invoice": row["invoice"], "customer": row["customer"], "legal_entity": "main"}
    document = {
        **head,
        "invoice_number": given["number"],
        "currency": row["currency"],
        "issue_date": row["issued_at"].date().isoformat(),
        "reason": "cancellation",
        "memo": row["reason"],
        "taxed": _untaxed(credited, amount, nothing),
        "offset": nothing,
        "from_written_off": nothing,
        "to_credit": amount,
        "refundable": amount,
    }
    issued = {"issue_date": row["issued_at"].date(), "issued_at": row["issued_at"]}
    shown = {"total": row["amount"], "currency": row["currency"], "reason": "cancellation"}
    _insert(connection, "credit_notes", **head, **issued, **shown, document=json.dumps(document))


def _of_lines(lines: list[dict[str, Any]], item: str, amount: int) -> list[dict[str, Any]]:
    """What was credited for an item, taken off its lines one after the other."""
    credited, left = [], amount
    for line in lines:
        part = min(left, line["amount"]["minor"]) if line["item"] == item else 0
        left -= part
        if part:
            credited.append({"id": line["id"], "amount": {**line["amount"], "minor": part}})
    return credited


def _defer_by_line(connection: Any) -> None:
    """What is still deferred of an invoice was booked as one sum. From now on it is booked by line, since lines are earned and
    credited one by one; a transaction of its own moves it there."""
    query = """
        WITH lines AS (
            SELECT invoice.id AS invoice, invoice.order_id, invoice.issued_at, line ->> 'id' AS line, invoice.currency,
                   (line #>> '{amount,minor}')::bigint - COALESCE((
                       SELECT sum((taxed #>> '{net,minor}')::bigint) FROM credit_notes note,
                              jsonb_array_elements(note.document #> '{taxed,lines}') taxed
                        WHERE note.invoice = invoice.id AND taxed ->> 'id' = line ->> 'id'), 0) AS deferred
              FROM invoices invoice, jsonb_array_elements(invoice.document -> 'lines') line
        ),
        kept AS (SELECT * FROM lines WHERE deferred <> 0),
        made AS (
            INSERT INTO ledger_transactions (id, at, description, order_id)
            SELECT DISTINCT invoice || '\\:by_line', issued_at, 'Deferred by line', order_id FROM kept
        )
        INSERT INTO ledger_entries ("transaction", account, currency, amount, subject, order_id, posted_at)
        SELECT invoice || '\\:by_line', 'deferred_revenue', currency, sum(deferred), '', order_id, issued_at
          FROM kept GROUP BY invoice, currency, order_id, issued_at
        UNION ALL
        SELECT invoice || '\\:by_line', 'deferred_revenue', currency, -deferred, line, order_id, issued_at FROM kept
    """
    connection.execute(sa.text(query))


def _say_what_it_is_about(connection: Any) -> None:
    """Cash by the gateway's key and receivables by their invoice, so that comparisons find what was booked before. Only the new
    column is filled."""
    connection.execute(sa.text("ALTER TABLE ledger_entries DISABLE TRIGGER ledger_append_only"))
    connection.execute(
        sa.text("""
        UPDATE ledger_entries entry SET subject = CASE
            WHEN account = 'receivable' THEN order_id || '\\:invoice'
            WHEN "transaction" LIKE '%\\:captured' THEN left("transaction", -length('\\:captured'))
            ELSE COALESCE((SELECT max(key) FROM payments WHERE payments.order_id = entry.order_id AND captured > 0), order_id)
                 || '\\:refund\\:' || split_part("transaction", '\\:', 3) END
         WHERE subject = '' AND (account = 'receivable' OR account LIKE 'cash\\:%')
        """)
    )
    connection.execute(sa.text("ALTER TABLE ledger_entries ENABLE TRIGGER ledger_append_only"))


def _insert(connection: Any, table: str, **values: Any) -> None:
    columns = [sa.column(name, postgresql.JSONB() if name in {"document", "evidence", "line"} else None) for name in values]
    loaded = {name: json.loads(value) if name in {"document", "evidence", "line"} else value for name, value in values.items()}
    connection.execute(sa.table(table, *columns).insert().values(loaded))
