# Everything but `lock` also works without make: python3 manage.py up, test, checks, demo-clients.
PY ?= python3
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run demo-clients test check format lock

help: ## Say what there is
	@echo "make run     everything, with a demo: http://127.0.0.1:8000/   (PORT=... for another port)"
	@echo "make demo-clients   three consumers beside it that obey its settings, and a provider to break"
	@echo "make test    the whole suite on real servers                   (ARGS=\"-k sign\" for some of it)"
	@echo "make check   lint, types, layers, templates, migrations, API description"
	@echo "make format  write Python and templates the way the checks want them"
	@echo "make lock    requirements/*.in to hash-locked requirements/*.txt (needs uv)"

run:
	@$(PY) manage.py up

demo-clients:
	@$(PY) manage.py demo-clients $(ARGS)

test:
	@$(PY) manage.py test $(ARGS)

check:
	@$(PY) manage.py checks

format:
	@$(PY) manage.py install
	@.venv/bin/ruff format -q .
	@.venv/bin/ruff check -q --fix .
	@git ls-files -z 'templates/*.html' | xargs -0 -r .venv/bin/djade --target-version 5.2

# Hashes for every platform, and no names of hosts. Extras stay, or an older pip takes the newest of what has some.
COMPILE = uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras
lock:
	@for each in base embedded dev; do $(COMPILE) requirements/$$each.in -o requirements/$$each.txt && echo "requirements/$$each.txt"; done
