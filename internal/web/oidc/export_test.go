package oidc

import "github.com/gatehouse-id/gatehouse/internal/core"

// Problems is the table of errors, by code.
func Problems() map[core.Code]string {
	all := make(map[core.Code]string)
	for code, p := range problems() {
		all[code] = p.code
	}
	return all
}
