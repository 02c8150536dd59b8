PYTHON = .venv/bin/python

.PHONY: proto
proto:
	PATH=$(CURDIR)/.venv/bin:$$PATH $(PYTHON) -m grpc_tools.protoc -I proto --python_out=. --mypy_out=. --grpc_python_out=. --mypy_grpc_out=. proto/gateway/link/v1/link.proto
