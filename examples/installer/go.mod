module github.com/lvm-go/lvm/examples/installer

go 1.26.0

require (
	github.com/diskfs/go-diskfs v1.9.4
	github.com/google/uuid v1.6.0
	github.com/lvm-go/lvm v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/pkg/errors v0.9.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/lvm-go/lvm => ../..
