# What people and .ci/run call. All but lint and realboot need nothing but Go.

.PHONY: test race vet lint fuzz bench check realboot

# The tests, as the README names them.
test:
	go test ./...

race:
	go test -race ./...

vet:
	go vet ./...
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "gofmt: $$files"; exit 1; fi

# golangci-lint comes from the module proxy; .ci/run installs it where it can.
lint:
	golangci-lint run

# Every fuzz target for a minute: make fuzz, or make fuzz TIME=10s.
TIME ?= 60s
fuzz:
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		grep -o '^func Fuzz[A-Za-z0-9_]*' "$$file" | sed 's/^func //' | while read -r target; do \
			echo "$$(dirname "$$file") $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(TIME) -parallel=2 "$$(dirname "$$file")" || exit 1; \
		done || exit 1; \
	done

bench:
	go test -run='^$$' -bench=. -benchmem ./...

check: vet test

# Boots real kernels under QEMU and verifies the model against them (docs/capture.md).
# Not part of test: it installs and downloads packages and takes some minutes.
# make realboot DIR=records KERNELS=/boot
realboot:
	KERNELS="$(KERNELS)" tools/capture/realboot.sh $(DIR)
