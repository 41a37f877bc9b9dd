"""Where the pages are. NiceGUI puts the mount path before its own links; a redirect and a plain link need it spelled out."""

from urllib.parse import quote

MOUNTED_AT = "/console"
SIGN_IN = "/sign-in"
HOME = "/orders"
FALLOUT = "/fallout"
INVOICES = "/invoices"
PAYMENTS = "/payments"
PAYMENT_METHODS = "/payment-methods"
DISPUTES = "/disputes"
SUBSCRIPTIONS = "/subscriptions"
CUSTOMERS = "/customers"
TEST_CLOCKS = "/test-clocks"
RECONCILIATION = "/reconciliation"
POLICIES = "/policies"
REPORTS = "/reports"


def of_order(order: str) -> str:
    return f"{HOME}/{order}"


def of_invoice(invoice: str) -> str:
    return f"{INVOICES}/{quote(invoice, safe='')}"


def of_payment(key: str) -> str:
    return f"{PAYMENTS}/{quote(key, safe='')}"


def of_subscription(subscription: str) -> str:
    return f"{SUBSCRIPTIONS}/{quote(subscription, safe='')}"


def of_customer(customer: str) -> str:
    return f"{CUSTOMERS}/{quote(customer, safe='')}"


def of_clock(clock: str) -> str:
    return f"{TEST_CLOCKS}/{quote(clock, safe='')}"


def spelled_out(address: str) -> str:
    """As a browser has to ask for it."""
    return f"{MOUNTED_AT}{address}"


def inside(address: str | None) -> str:
    """`address` where it is one of the console's own pages, else the first page: nobody is sent elsewhere."""
    if address and address.startswith("/") and not any(mark in address for mark in ("//", "\\", "..", "\n", "\r", "\t")):
        return address
    return HOME
