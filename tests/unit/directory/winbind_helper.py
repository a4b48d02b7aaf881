"""Speaks the protocol of `ntlm_auth --helper-protocol=ntlm-server-1` for one user. Each start adds to a file.

python winbind_helper.py FILE [MANNER]
"""

import base64
import hashlib
import sys
import time

file, manner = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
with open(file, "a") as starts:  # noqa: PTH123 - pathlib would double the time to start
    starts.write("started\n")

asked: dict[str, str] = {}
for line in sys.stdin:
    name, colon, value = line.rstrip("\n").partition(":")
    if name != ".":
        asked[name] = base64.b64decode(value[2:]).decode() if value.startswith(":") else value.strip()
        continue
    if manner == "dies":
        sys.exit(1)
    if manner == "hangs":
        time.sleep(60)
    if manner == "babbles":
        print("x\n" * 1000, flush=True)
    if manner == "away":
        answer = ["Authenticated: No", "Authentication-Error: Reading winbind reply failed!", ".", "."]
    elif "Password" in asked:
        who = asked.get("Full-Username") or f"{asked['NT-Domain']}\\{asked['Username']}"
        right = asked["Password"] == "secret" and who.lower() in ("lab\\alice", "alice@lab.example")
        answer = ["Authenticated: Yes", "."] if right else ["Authenticated: No", "."]
    elif asked.get("NT-Response") == "aa" * 48 and asked["Username"].lower() == "alice":
        key = hashlib.sha256(asked["LANMAN-Challenge"].encode()).hexdigest()[:32].upper()
        answer = ["Authenticated: Yes", f"User-Session-Key: {key}", "."]
        if manner == "zero":
            answer = ["Authenticated: Yes", "."]
        if manner == "short":
            answer = ["Authenticated: Yes", "User-Session-Key: 00", "."]
    else:
        answer = ["Authenticated: No", "Authentication-Error: The password is wrong.", ".", "."]
    print("\n".join(answer), flush=True)
    asked = {}
