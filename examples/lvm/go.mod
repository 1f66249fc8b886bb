module github.com/lvm-go/lvm/examples/lvm

go 1.26.0

require (
	github.com/lvm-go/lvm v0.0.0
	github.com/spf13/pflag v1.1.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.49.0
)

require (
	github.com/pkg/errors v0.9.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/lvm-go/lvm => ../..
