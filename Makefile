# Every target first makes the checkout ready (scripts/setup); once it is ready that costs nothing.
PYTHON_BIN := .venv/bin/python
ARGS ?=
ONLY ?=

.PHONY: help run demo test check bench interop

help:
	@echo 'make run      start the softswitch on config/ and dialplan.yaml    (ARGS="--help" for its options)'
	@echo 'make demo     two phones, one real call through it, scored'
	@echo 'make test     all tests'
	@echo 'make check    format, lint, types, import contracts'
	@echo 'make bench    measure it against its bars and against rtpengine     (ONLY=relay for one group)'
	@echo 'make interop  only the tests against SIPp, pjsua2, baresip and Kamailio'

run:
	@scripts/setup run
	@exec .venv/bin/softswitch run $(ARGS)

demo:
	@scripts/setup demo
	@exec .venv/bin/softswitch demo $(ARGS)

test:
	@scripts/setup test
	@$(PYTHON_BIN) -m pytest -q $(ARGS)

check:
	@scripts/setup check
	@$(PYTHON_BIN) -m tests.check

bench:
	@scripts/setup bench
	@$(PYTHON_BIN) -m tests.bench $(if $(ONLY),--only $(ONLY)) $(ARGS)

interop:
	@scripts/setup test
	@$(PYTHON_BIN) -m pytest -q -m interop $(ARGS)
