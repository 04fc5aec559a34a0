package pangea

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// sourceUpload is the part of an upload beside its file.
type sourceUpload struct {
	TransferMethod string `json:"transfer_method"`
	FileType       string `json:"file_type"`
}

func (in *sourceUpload) check(p *problems) {
	if p.required("/request/transfer_method", in.TransferMethod) {
		p.oneOf("/request/transfer_method", in.TransferMethod, "multipart")
	}
	if p.required("/request/file_type", in.FileType) {
		p.oneOf("/request/file_type", in.FileType, "csv")
	}
}

type sourceUploadResult struct {
	Object sourceObject `json:"object"`
}

type sourceObject struct {
	ID         string        `json:"id"`
	Source     []sourceField `json:"source_fields"`
	Target     []targetField `json:"pangea_fields"`
	Algorithms []string      `json:"password_hash_algorithms"`
}

// pieceTime is how long a client may take for the next piece of a file.
const pieceTime = 30 * time.Second

// usersSourcesUpload takes a file as it comes, in a part of a multipart body
// (RFC 7578). The other part is called request. SDKs name the file's part as
// they like, give the other one a file name too, and have either first.
func (f *Face) usersSourcesUpload(ctx context.Context, caller core.Caller, in input) (any, error) {
	parts, err := in.request.MultipartReader()
	if errors.Is(err, http.ErrMissingBoundary) {
		return nil, core.Invalid(noPart("/request"), noPart("/upload")) // it cannot have any part
	}
	if err != nil {
		return nil, core.Fail(core.CodeUnsupportedMedia, "The body must be multipart/form-data.")
	}
	ctx, more := web.Unhurried(ctx)
	var source core.ImportSource
	var asked, uploaded bool
	for {
		if err := more(pieceTime); err != nil {
			return nil, err
		}
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, broken(err)
		}
		switch {
		case part.FormName() == "request":
			if asked {
				return nil, f.spoiled(ctx, caller, source, core.Problem{Code: core.ProblemExclusive, Pointer: "/request", Detail: "There are two parts of this name."})
			}
			asked = true
			if err := readUpload(part); err != nil {
				return nil, errors.Join(err, f.forget(ctx, caller, source))
			}
		case uploaded:
			return nil, f.spoiled(ctx, caller, source, core.Problem{Code: core.ProblemExclusive, Pointer: "/upload", Detail: "There are two files."})
		default:
			uploaded = true
			if source, err = f.Imports.Upload(ctx, caller, pieces{part, more}); err != nil {
				return nil, err
			}
		}
	}
	var missing []core.Problem
	if !asked {
		missing = append(missing, noPart("/request"))
	}
	if !uploaded {
		missing = append(missing, noPart("/upload"))
	}
	if len(missing) > 0 {
		return nil, f.spoiled(ctx, caller, source, missing...)
	}
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	object := sourceObject{ID: show(prefixSource, source.ID), Algorithms: hashAlgorithms(), Source: make([]sourceField, 0, len(source.Columns))}
	for _, c := range source.Columns {
		object.Source = append(object.Source, sourceField{Name: c.Name, Type: string(c.Type)})
	}
	for _, field := range core.ImportFields(settings) {
		object.Target = append(object.Target, targetField{Name: field.Name, Type: string(field.Type), Required: field.Required, Profile: field.Profile})
	}
	return sourceUploadResult{object}, nil
}

func noPart(pointer string) core.Problem {
	return core.Problem{Code: core.ProblemRequired, Pointer: pointer, Detail: "This part is required."}
}

// spoiled refuses an upload whose file may have arrived already.
func (f *Face) spoiled(ctx context.Context, caller core.Caller, source core.ImportSource, problems ...core.Problem) error {
	return errors.Join(core.Invalid(problems...), f.forget(ctx, caller, source))
}

func (f *Face) forget(ctx context.Context, caller core.Caller, source core.ImportSource) error {
	if source.ID == "" {
		return nil
	}
	return f.Imports.Forget(context.WithoutCancel(ctx), caller, source.ID)
}

// readUpload reads the part that says what the file is.
func readUpload(part *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(part, web.MaxBody+1))
	if err != nil {
		return broken(err)
	}
	if len(text) > web.MaxBody {
		return core.Fail(core.CodeTooLarge, "The part called request is larger than 256 KiB.")
	}
	var in sourceUpload
	if err := web.Decode(text, &in, false); err != nil {
		return err
	}
	var p problems
	if in.check(&p); len(p.list) > 0 {
		return core.Invalid(p.list...)
	}
	return nil
}

// pieces gives the client more time with each piece that comes.
type pieces struct {
	in   io.Reader
	more func(time.Duration) error
}

// Read implements [io.Reader].
func (r pieces) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	if err != nil {
		return n, broken(err)
	}
	return n, r.more(pieceTime)
}

// broken is the error of a body that ends before it should.
func broken(err error) error {
	return &core.Error{Code: core.CodeInvalid, Detail: "The body could not be read: it is no multipart/form-data, or it broke off.", Cause: err}
}
