package authn

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"mime/multipart"
	"net/textproto"
	"time"
)

// ImportService brings people over from elsewhere. It needs a service token.
//
// Upload a file by [ImportService.Upload], say what its columns are in an
// [ImportRequest], try it by [ImportService.Validate], and do it by
// [ImportService.Start].
type ImportService struct{ t *transport }

// ImportSource is a file that was uploaded. It is for one import, and waits a
// week for it.
type ImportSource struct {
	ID         string        `json:"id"`
	Columns    []SourceField `json:"source_fields"`
	Fields     []TargetField `json:"pangea_fields"` // what columns can be mapped to
	Algorithms []string      `json:"password_hash_algorithms"`
}

// SourceField is a column of a file.
type SourceField struct {
	Name string          `json:"source_field_name"`
	Type ImportFieldType `json:"source_field_type"` // what its first 1,000 values read as
}

// TargetField is something of a person that a column can be mapped to.
type TargetField struct {
	Name     string          `json:"pangea_field_name"`
	Type     ImportFieldType `json:"pangea_field_type"`
	Required bool            `json:"required,omitempty"`
	Profile  bool            `json:"is_profile_field,omitempty"`
	Hash     *HashParams     `json:"password_hash_params,omitempty"` // for the field password_hash
}

// ImportFieldType is what values read as.
type ImportFieldType string

// The types. Columns are never of the last two.
const (
	FieldString   ImportFieldType = "string"
	FieldInt      ImportFieldType = "int"
	FieldFloat    ImportFieldType = "float"
	FieldBool     ImportFieldType = "bool"
	FieldDate     ImportFieldType = "date"
	FieldDatetime ImportFieldType = "datetime"
	FieldEmail    ImportFieldType = "email"
	FieldPhone    ImportFieldType = "phone"
)

// HashParams says how password hashes were made. What an algorithm does not
// need, and what is written in the hashes themselves, is left zero.
type HashParams struct {
	Algorithm     string `json:"algorithm"` // one of ImportSource.Algorithms
	Iterations    int    `json:"iterations,omitempty"`
	Salt          string `json:"salt,omitempty"` // if all have the same; else map a column to password_salt
	SaltOrder     string `json:"salt_order,omitempty"`
	KeyLength     int    `json:"key_length,omitempty"`
	Digest        string `json:"digest_algorithm,omitempty"`
	Memory        int    `json:"memory,omitempty"`
	Parallelism   int    `json:"parallelism,omitempty"`
	BlockSize     int    `json:"block_size,omitempty"`
	CostFactor    int    `json:"cost_factor,omitempty"`
	SaltSeparator string `json:"salt_separator,omitempty"`
	SignerKey     string `json:"signer_key,omitempty"`
}

// FieldMapping says that a column goes into a field.
type FieldMapping struct {
	Source SourceField `json:"source_field"`
	Target TargetField `json:"pangea_field"`
}

// ImportRequest is an import of an uploaded file.
type ImportRequest struct {
	Name     string         `json:"name"`
	SourceID string         `json:"source_id"`
	Mappings []FieldMapping `json:"field_mappings"`
}

// ImportStatus says how far an import is.
type ImportStatus string

// The statuses of an import.
const (
	ImportPending ImportStatus = "pending"
	ImportSuccess ImportStatus = "success" // each row was dealt with, whatever became of it
	ImportFailed  ImportStatus = "failed"  // it could not go on; Details say why
)

// Import is people being brought over.
type Import struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	Status    ImportStatus   `json:"status"`
	Summary   ImportSummary  `json:"summary"`
	Details   []ImportDetail `json:"details"` // those that were asked for
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// ImportSummary counts rows.
type ImportSummary struct {
	Total      int64     `json:"total"` // dealt with so far
	Successful int64     `json:"successful"`
	Failed     int64     `json:"failed"`
	Skipped    int64     `json:"skipped"` // people who are there already
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// ImportDetail is what became of a row.
type ImportDetail struct {
	UserID    string    `json:"user_id"` // who came of it, or was there already; empty if it failed
	Status    string    `json:"status"`  // success, skipped or failed
	Message   string    `json:"message"` // begins with the number of the row
	CreatedAt time.Time `json:"created_at"`
}

// Upload sends a file of comma-separated values, whose first line names the
// columns, as it is read: it may be larger than the memory. It is not tried
// again after a failure, and takes as long as ctx allows. It calls
// /v2/users/sources/upload.
func (s ImportService) Upload(ctx context.Context, file io.Reader) (*ImportSource, error) {
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	go func() {
		// The reader sees the error, and so the request does.
		_ = write.CloseWithError(writeForm(form, file))
	}()
	a, err := s.t.stream(ctx, "v2/users/sources/upload", form.FormDataContentType(), read)
	// Whoever writes must not wait for an end that will not come.
	_ = read.Close()
	if err != nil {
		return nil, err
	}
	var out struct {
		Object ImportSource `json:"object"`
	}
	return &out.Object, a.into(&out)
}

func writeForm(form *multipart.Writer, file io.Reader) error {
	header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="request"`}, "Content-Type": {"application/json"}}
	part, err := form.CreatePart(header)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, `{"transfer_method":"multipart","file_type":"csv"}`); err != nil {
		return err
	}
	if part, err = form.CreateFormFile("upload", "people.csv"); err != nil {
		return err
	}
	if _, err := io.Copy(part, file); err != nil {
		return err
	}
	return form.Close()
}

// Validate finds out what would become of each row, and imports nobody. It
// waits and fails as [ImportService.Start] does, and calls
// /v2/users/import/validate.
func (s ImportService) Validate(ctx context.Context, r ImportRequest) (*Import, error) {
	return result[Import](ctx, s.t, "v2/users/import/validate", r)
}

// Start imports a file, which is used up by it. It waits for the end, for as
// long as [WithPatience] says; after that the import goes on by itself, and the
// error is of [StatusAccepted]: ask [AuthN.Poll] or [ImportService.List] later.
// Who is there already is skipped. It calls /v2/users/import.
func (s ImportService) Start(ctx context.Context, r ImportRequest) (*Import, error) {
	return result[Import](ctx, s.t, "v2/users/import", r)
}

// ImportGetRequest asks for an import, and for what became of its rows: of each
// outcome at most the first 10,000.
type ImportGetRequest struct {
	ID      string `json:"id"`
	Failed  bool   `json:"verbose_failed,omitempty"`
	Skipped bool   `json:"verbose_skipped,omitempty"`
	Success bool   `json:"verbose_success,omitempty"`
}

// Get returns an import. It calls /v2/users/import/get.
func (s ImportService) Get(ctx context.Context, r ImportGetRequest) (*Import, error) {
	return result[Import](ctx, s.t, "v2/users/import/get", r)
}

// ImportFilter says which imports a list is of. All that it says must hold; a
// field that is left zero says nothing.
type ImportFilter struct {
	ID        TextFilter
	Name      TextFilter
	CreatedAt TimeFilter
	UpdatedAt TimeFilter
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "name__contains".
func (f ImportFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{"id": f.ID, "name": f.Name} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "updated_at": f.UpdatedAt} {
		c.put(keys, name)
	}
	return json.Marshal(keys)
}

// ImportOrderBy is what a list of imports is ordered by.
type ImportOrderBy string

// What imports can be ordered by.
const (
	ImportsByID        ImportOrderBy = "id"
	ImportsByName      ImportOrderBy = "name"
	ImportsByCreatedAt ImportOrderBy = "created_at"
	ImportsByUpdatedAt ImportOrderBy = "updated_at"
)

// ImportListRequest asks for a page of imports. The zero value asks for the
// first page of all.
type ImportListRequest struct {
	Filter  ImportFilter  `json:"filter"`
	Order   Order         `json:"order,omitempty"`
	OrderBy ImportOrderBy `json:"order_by,omitempty"`
	Size    int           `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string        `json:"last,omitempty"` // ImportPage.Last of the page before
}

// ImportPage is a page of imports.
type ImportPage struct {
	Imports []Import `json:"user_imports"`
	Count   int64    `json:"count"`          // how many there are on all pages
	Last    string   `json:"last,omitempty"` // asks for the next page; empty on the last one
}

// List returns one page of the imports that meet the filter, under way and
// over. It calls /v2/users/import/list.
func (s ImportService) List(ctx context.Context, r ImportListRequest) (*ImportPage, error) {
	return result[ImportPage](ctx, s.t, "v2/users/import/list", r)
}

// All returns every import that meets the filter, asking for one page after the
// other while the loop goes on. After an error it ends.
func (s ImportService) All(ctx context.Context, r ImportListRequest) iter.Seq2[Import, error] {
	return every(r.Last, func(last string) ([]Import, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Imports, page.Last, nil
	})
}
