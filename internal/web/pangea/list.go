package pangea

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// listRequest is what every list of the vendor's takes.
type listRequest struct {
	Filter  map[string]jsontext.Value `json:"filter"`
	Last    string                    `json:"last"`
	Order   string                    `json:"order"`
	OrderBy string                    `json:"order_by"`
	Size    *int                      `json:"size"`
}

// read checks the request of a list that is filtered and ordered by these, and
// says it as a query.
func (in *listRequest) read(p *problems, filters map[string]filterField, orders map[string]string) core.Query {
	q := core.Query{After: in.Last, Size: core.DefaultPage, Descending: in.Order == "desc"}
	if in.Order != "" && in.Order != "asc" && in.Order != "desc" {
		p.add(core.ProblemChoice, "/order", "An order is asc or desc.")
	}
	if in.Size != nil {
		if *in.Size < 1 {
			p.add(core.ProblemTooSmall, "/size", "A page has at least 1 entry.")
		}
		q.Size = *in.Size
	}
	if in.OrderBy != "" {
		field, ok := orders[in.OrderBy]
		if !ok {
			p.add(core.ProblemChoice, "/order_by", "This list cannot be ordered by this.")
		}
		q.OrderBy = field
	}
	q.Conditions = p.filter(in.Filter, filters)
	return q
}
