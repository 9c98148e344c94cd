"""A person asks a travel assistant, which delegates to a booking agent, which pays behind a gate.

    python3 travel.py                 sign in with your browser as alice, password wonderland
    python3 travel.py --unattended    the program signs in for you
"""

import sys

from local_services import Sample, call, serve, show

TRAVEL, BOOKING, PAYMENTS = "https://travel.example", "https://booking.example", "https://payments.example"


def main(person):
    with Sample("travel") as sample:
        assistant, booking = sample.client("travel-assistant"), sample.client("booking-agent")
        received = []

        def payments_api(_path, _token, headers):
            # The API knows nothing of tokens: the gate has checked them, and says who acts.
            return 201, {"paid": "120 EUR", "by": headers["X-Auth-Subject"], "through": headers["X-Auth-Actor"]}

        def booking_agent(_path, token, _headers):
            if not booking.accepts(token, BOOKING):
                return 401, {}
            received.append(token)
            payment = booking.exchange(token, PAYMENTS, "payments:create")
            show("3. the booking agent gets a token for the payments API", payment)
            return call(f"{sample.gate}/payments", payment)

        def travel_assistant(_path, token, _headers):
            if not assistant.accepts(token, TRAVEL):
                return 401, {}
            task = assistant.exchange(token, BOOKING, "payments:create")
            show("2. the assistant gets a token for the booking agent", task)
            return call(f"{booking_url}/book", task)

        sample.open_gate(serve(payments_api))
        booking_url, assistant_url = serve(booking_agent), serve(travel_assistant)

        answer = sample.sign_in("travel-app", TRAVEL, "openid trips:plan payments:create", person)
        user = answer["access_token"]
        show("1. alice signs in to the travel app", user)
        report(sample, 1, "4. the payment", call(f"{assistant_url}/trips", user), 201)

        replayed = call(f"{sample.gate}/payments", received[0])
        report(sample, 2, "5. the assistant's token, replayed at the payments API", replayed, 401)
        alone = booking.own_token(PAYMENTS, "payments:create")
        report(sample, 3, "6. the booking agent on its own", call(f"{sample.gate}/payments", alone), 403)


def report(sample, count, step, answer, expected):
    status, body = answer
    decision = sample.decision(count)
    print(f"{step}\n    {status} {decision.get('code', 'allowed')}")
    if status < 300:
        print(f"    {body['paid']} by {body['by']} through {body['through']}")
    if status != expected:
        raise SystemExit(f"expected {expected}: {body}")


if __name__ == "__main__":
    main(("alice", "wonderland") if "--unattended" in sys.argv else None)
