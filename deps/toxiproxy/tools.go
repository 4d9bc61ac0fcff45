//go:build tools

// Package toxiproxy keeps the module in go.mod: only its program is used.
package toxiproxy

import _ "github.com/Shopify/toxiproxy/v2/cmd/server"
