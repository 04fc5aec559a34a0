package pangea

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// importResult is an import as the vendor shows one.
type importResult struct {
	Name      string         `json:"name"`
	ID        string         `json:"id"`
	Status    string         `json:"status"`
	Summary   importSummary  `json:"summary"`
	Details   []importDetail `json:"details"`
	CreatedAt string         `json:"created_at"`
	UpdatedAt string         `json:"updated_at"`
}

type importSummary struct {
	Total      int64  `json:"total"`
	Successful int64  `json:"successful"`
	Failed     int64  `json:"failed"`
	Skipped    int64  `json:"skipped"`
	UpdatedAt  string `json:"updated_at"`
	CreatedAt  string `json:"created_at"`
}

type importDetail struct {
	UserID    string `json:"user_id"`
	Status    string `json:"status"`
	Message   string `json:"message"`
	CreatedAt string `json:"created_at"`
}

// newImportResult shows an import with some of its details. Why one failed as a
// whole is a detail too: the vendor has no other place for it.
func newImportResult(job core.Import, details []core.ImportDetail) importResult {
	created, updated := showTime(job.CreatedAt), showTime(job.UpdatedAt)
	result := importResult{
		Name: job.Name, ID: show(prefixImport, job.ID), Status: string(job.Status), Details: make([]importDetail, 0, len(details)), CreatedAt: created, UpdatedAt: updated,
		Summary: importSummary{job.Total(), job.Successful, job.Failed, job.Skipped, updated, created},
	}
	if job.Reason != "" {
		result.Details = append(result.Details, importDetail{Status: string(core.OutcomeFailed), Message: job.Reason, CreatedAt: updated})
	}
	for _, d := range details {
		shown := importDetail{Status: string(d.Outcome), Message: d.Reason, CreatedAt: showTime(d.At)}
		if d.User != "" {
			shown.UserID = UserID(d.User)
		}
		result.Details = append(result.Details, shown)
	}
	return result
}

type fieldTag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type sourceField struct {
	Name string     `json:"source_field_name"`
	Type string     `json:"source_field_type"`
	Tags []fieldTag `json:"tags,omitempty"`
}

type targetField struct {
	Name     string      `json:"pangea_field_name"`
	Type     string      `json:"pangea_field_type"`
	Required bool        `json:"required"`
	Profile  bool        `json:"is_profile_field"`
	Tags     []fieldTag  `json:"tags,omitempty"`
	Hash     *hashParams `json:"password_hash_params,omitempty"`
}

// hashParams is how password hashes were made elsewhere.
type hashParams struct {
	Algorithm     string `json:"algorithm"`
	Iterations    int    `json:"iterations"`
	Salt          string `json:"salt"`
	SaltOrder     string `json:"salt_order"`
	KeyLength     int    `json:"key_length"`
	Digest        string `json:"digest_algorithm"`
	Memory        int    `json:"memory"`
	Parallelism   int    `json:"parallelism"`
	BlockSize     int    `json:"block_size"`
	CostFactor    int    `json:"cost_factor"`
	SaltSeparator string `json:"salt_separator"`
	SignerKey     string `json:"signer_key"`
}

// hashAlgorithms is the algorithms of password hashes as the vendor writes them.
func hashAlgorithms() []string {
	all := secret.ForeignAlgorithms()
	for i, name := range all {
		all[i] = strings.ToUpper(name)
	}
	return all
}

func (h *hashParams) check(p *problems, pointer string) {
	if p.required(pointer+"/algorithm", h.Algorithm) {
		p.oneOf(pointer+"/algorithm", h.Algorithm, hashAlgorithms()...)
	}
	p.oneOf(pointer+"/salt_order", h.SaltOrder, "prefix", "suffix")
	p.oneOf(pointer+"/digest_algorithm", h.Digest, "SHA1", "SHA256", "SHA512")
	for _, n := range []struct {
		key         string
		value, most int
	}{
		{"iterations", h.Iterations, 1_500_000}, {"memory", h.Memory, 65536}, {"parallelism", h.Parallelism, 4}, {"block_size", h.BlockSize, 8},
		{"cost_factor", h.CostFactor, 1 << 24}, {"key_length", h.KeyLength, 256},
	} {
		if n.value < 0 {
			p.add(core.ProblemTooSmall, pointer+"/"+n.key, "This cannot be negative.")
		}
		if n.value > n.most {
			p.add(core.ProblemTooLarge, pointer+"/"+n.key, "This is at most "+strconv.Itoa(n.most)+".")
		}
	}
}

func (h *hashParams) params() secret.ForeignParams {
	return secret.ForeignParams{
		Algorithm: strings.ToLower(h.Algorithm), Iterations: h.Iterations, Memory: h.Memory, Parallelism: h.Parallelism, BlockSize: h.BlockSize, CostFactor: h.CostFactor,
		KeyLength: h.KeyLength, Digest: strings.ToLower(h.Digest), Salt: h.Salt, SaltOrder: h.SaltOrder, SignerKey: h.SignerKey, SaltSeparator: h.SaltSeparator,
	}
}

// oneOf wants one of these words, or none.
func (p *problems) oneOf(pointer, value string, words ...string) {
	for _, word := range append(words, "") {
		if value == word {
			return
		}
	}
	p.add(core.ProblemChoice, pointer, "This is one of "+strings.Join(words, ", ")+".")
}

type fieldMapping struct {
	Source *sourceField `json:"source_field"`
	Target *targetField `json:"pangea_field"`
}

type usersImport struct {
	common
	Name     string         `json:"name"`
	SourceID string         `json:"source_id"`
	Mappings []fieldMapping `json:"field_mappings"`
}

func (in *usersImport) check(p *problems) {
	p.required("/name", in.Name)
	if p.required("/source_id", in.SourceID) {
		p.secret("/source_id", in.SourceID, prefixSource)
	}
	switch {
	case len(in.Mappings) == 0:
		p.add(core.ProblemRequired, "/field_mappings", "One column must be mapped at least.")
	case len(in.Mappings) > 200:
		p.add(core.ProblemTooLarge, "/field_mappings", "A file has at most 200 columns.")
		return
	}
	for i, m := range in.Mappings {
		at := "/field_mappings/" + strconv.Itoa(i)
		if m.Source == nil {
			p.add(core.ProblemRequired, at+"/source_field", "This is required.")
		} else if p.required(at+"/source_field/source_field_name", m.Source.Name) && p.required(at+"/source_field/source_field_type", m.Source.Type) {
			p.oneOf(at+"/source_field/source_field_type", m.Source.Type, "string", "int", "float", "bool", "date", "datetime")
		}
		if m.Target == nil {
			p.add(core.ProblemRequired, at+"/pangea_field", "This is required.")
			continue
		}
		if p.required(at+"/pangea_field/pangea_field_name", m.Target.Name) && p.required(at+"/pangea_field/pangea_field_type", m.Target.Type) {
			p.oneOf(at+"/pangea_field/pangea_field_type", m.Target.Type, "string", "int", "float", "bool", "date", "datetime", "email", "phone")
		}
		if m.Target.Hash != nil {
			m.Target.Hash.check(p, at+"/pangea_field/password_hash_params")
		}
	}
}

// mapping is the field mappings in our words. What a value reads as is decided
// by the field that it goes into, whatever types the request names.
func (in *usersImport) mapping() core.ImportMapping {
	var mapping core.ImportMapping
	for _, m := range in.Mappings {
		mapping.Fields = append(mapping.Fields, core.MappedColumn{Column: m.Source.Name, Field: m.Target.Name, Profile: m.Target.Profile})
		if m.Target.Hash != nil && m.Target.Name == core.ImportHash && !m.Target.Profile {
			mapping.Hash = m.Target.Hash.params()
		}
	}
	return mapping
}

// importWait is how long a request waits for its import, before it is answered
// that it is under way.
const importWait = 4 * time.Second

func (f *Face) usersImport(ctx context.Context, caller core.Caller, in usersImport) (any, error) {
	return f.startImport(ctx, caller, in, false, "Users imported")
}

func (f *Face) usersImportValidate(ctx context.Context, caller core.Caller, in usersImport) (any, error) {
	return f.startImport(ctx, caller, in, true, "Import validated")
}

func (f *Face) startImport(ctx context.Context, caller core.Caller, in usersImport, dry bool, summary string) (any, error) {
	ctx, _ = web.Unhurried(ctx)
	job, err := f.Imports.Start(ctx, caller, directory.NewImport{Name: in.Name, Source: sourceID(in.SourceID), Mapping: in.mapping(), Dry: dry})
	if err != nil {
		return nil, importPointers(err)
	}
	if job, err = f.Imports.Wait(ctx, caller, job.ID, importWait); err != nil {
		return nil, err
	}
	if job.Status == core.ImportPending {
		return f.accept(ctx, caller, job.ID, summary)
	}
	return newImportResult(job, nil), nil
}

// importPointers says in the vendor's words where something is wrong.
func importPointers(err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		return err
	}
	for i := range e.Fields {
		pointer := &e.Fields[i].Pointer
		switch {
		case *pointer == "/source":
			*pointer = "/source_id"
		case strings.HasSuffix(*pointer, "/column"):
			*pointer = strings.TrimSuffix(*pointer, "/column") + "/source_field/source_field_name"
		case strings.HasSuffix(*pointer, "/field"):
			*pointer = strings.TrimSuffix(*pointer, "/field") + "/pangea_field/pangea_field_name"
		}
		if rest, ok := strings.CutPrefix(*pointer, "/mapping"); ok {
			*pointer = "/field_mappings" + rest
		}
	}
	return err
}

type usersImportGet struct {
	common
	ID      string `json:"id"`
	Failed  bool   `json:"verbose_failed"`
	Skipped bool   `json:"verbose_skipped"`
	Success bool   `json:"verbose_success"`
}

func (in *usersImportGet) check(p *problems) {
	if p.required("/id", in.ID) {
		p.secret("/id", in.ID, prefixImport)
	}
}

func (f *Face) usersImportGet(ctx context.Context, caller core.Caller, in usersImportGet) (any, error) {
	var outcomes []core.ImportOutcome
	for outcome, asked := range map[core.ImportOutcome]bool{core.OutcomeFailed: in.Failed, core.OutcomeSkipped: in.Skipped, core.OutcomeSuccess: in.Success} {
		if asked {
			outcomes = append(outcomes, outcome)
		}
	}
	job, details, err := f.Imports.Get(ctx, caller, importID(in.ID), outcomes...)
	if err != nil {
		return nil, err
	}
	return newImportResult(job, details), nil
}

type usersImportList struct {
	common
	listRequest

	query core.Query
}

func (in *usersImportList) check(p *problems) { in.query = in.read(p, importFilters(), importOrders()) }

// importOrders is what imports can be ordered by. The vendor's document has the
// words of another list here: those that an import has nothing for stand for
// what comes nearest.
func importOrders() map[string]string {
	return map[string]string{
		"id": "id", "created_at": "created_at", "updated_at": "updated_at", "name": "name", "type": "name", "published_at": "created_at", "text": "name",
	}
}

// importFilters is what imports can be searched by.
func importFilters() map[string]filterField {
	return map[string]filterField{
		"created_at": {field: "created_at", kind: filterTime},
		"id":         {field: "id", kind: filterID, prefix: prefixImport, ours: "imp_"},
		"name":       {field: "name", kind: filterText},
		"updated_at": {field: "updated_at", kind: filterTime},
	}
}

type usersImportListResult struct {
	Imports []importResult `json:"user_imports"`
	Count   int64          `json:"count"`
	Last    string         `json:"last,omitempty"`
}

func (f *Face) usersImportList(ctx context.Context, caller core.Caller, in usersImportList) (any, error) {
	jobs, total, next, err := f.Imports.List(ctx, caller, in.query)
	if err != nil {
		return nil, err
	}
	result := usersImportListResult{Imports: make([]importResult, 0, len(jobs)), Count: total, Last: next}
	for _, job := range jobs {
		result.Imports = append(result.Imports, newImportResult(job, nil))
	}
	return result, nil
}
