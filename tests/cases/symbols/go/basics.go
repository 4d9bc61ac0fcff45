// Package doc.
package main

import (
	"fmt"
	str "strings"
)

// Server serves.
type Server struct {
	Addr string
	embedded
}

type (
	A int
	B interface{ Do(x int) error }
)

const (
	X = iota
	Y
)

var global = 3

// Run runs.
func (s *Server) Run(ctx Context) error {
	x, err := fmt.Println(str.ToUpper(s.Addr))
	if err != nil {
		return err
	}
	_ = x
	return nil
}

func Generic[T any](a T) T { return a }
