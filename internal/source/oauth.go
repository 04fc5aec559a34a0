package source

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// oauth is how a service is asked that has an OAuth sign-in of its own, and no
// tokens that say who somebody is.
type oauth struct {
	// usual are its own addresses; elsewhere those of an installation at another
	// address.
	usual     addresses
	elsewhere func(issuer string) addresses
	// ask asks who it is.
	ask func(ctx context.Context, call caller) (Identity, claims, error)
}

// addresses are where such a service is asked.
type addresses struct {
	authorize string
	token     string
	api       string // without a slash at its end
}

// caller asks a service on behalf of somebody.
type caller struct {
	client *http.Client
	api    string
	token  string
	secret string // of the pool at the service
}

func (o *oauth) at(k kind, issuer string) addresses {
	if issuer == k.issuer {
		return o.usual
	}
	return o.elsewhere(strings.TrimSuffix(issuer, "/"))
}

func (o *oauth) endpoint(k kind, p core.Provider) oauth2.Endpoint {
	at := o.at(k, k.issuerOf(p))
	return oauth2.Endpoint{AuthURL: at.authorize, TokenURL: at.token, AuthStyle: oauth2.AuthStyleInParams}
}

func (o *oauth) identify(ctx context.Context, s *Providers, issuer string, config *oauth2.Config, token *oauth2.Token) (Identity, claims, error) {
	api := o.usual.api
	if config.Endpoint.TokenURL != o.usual.token {
		api = o.elsewhere(strings.TrimSuffix(issuer, "/")).api
	}
	who, c, err := o.ask(ctx, caller{s.client, api, token.AccessToken, config.ClientSecret})
	who.Issuer = issuer
	return who, c, err
}

// get reads an answer of the service.
func (c caller) get(ctx context.Context, path string, query url.Values, into any) error {
	address := c.api + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "gatehouse")
	answer, err := c.client.Do(request)
	if err != nil {
		return down(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read; an error changes nothing
	if answer.StatusCode >= http.StatusInternalServerError {
		return down(fmt.Errorf("%s answered %s", path, answer.Status))
	}
	if answer.StatusCode != http.StatusOK {
		return refused(fmt.Errorf("%s answered %s", path, answer.Status))
	}
	decoder := json.NewDecoder(answer.Body)
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return refused(fmt.Errorf("%s answered something else: %w", path, err))
	}
	return nil
}

// gitHub asks GitHub: who it is by a number that never changes, unlike a login,
// and for the primary address, if that is verified.
func gitHub() *oauth {
	return &oauth{
		usual: addresses{"https://github.com/login/oauth/authorize", "https://github.com/login/oauth/access_token", "https://api.github.com"},
		elsewhere: func(issuer string) addresses {
			return addresses{issuer + "/login/oauth/authorize", issuer + "/login/oauth/access_token", issuer + "/api/v3"}
		},
		ask: func(ctx context.Context, call caller) (Identity, claims, error) {
			var user claims
			if err := call.get(ctx, "/user", nil, &user); err != nil {
				return Identity{}, nil, err
			}
			var emails []struct {
				Email    string `json:"email"`
				Primary  bool   `json:"primary"`
				Verified bool   `json:"verified"`
			}
			if err := call.get(ctx, "/user/emails", nil, &emails); err != nil {
				return Identity{}, nil, err
			}
			id, ok := user["id"].(json.Number)
			if !ok || strings.Trim(id.String(), "0123456789") != "" || id.String() == "0" {
				return Identity{}, nil, refused(errors.New("there is no number in the answer"))
			}
			who := Identity{Subject: id.String()}
			delete(user, "email") // the public one, which anybody may write there
			for _, one := range emails {
				if one.Primary && one.Verified {
					who.Email, who.EmailVerified, user["email"] = one.Email, true, one.Email
				}
			}
			return who, user, nil
		},
	}
}

// facebook asks Facebook, whose calls carry a proof that they come from who has
// the secret (appsecret_proof).
func facebook() *oauth {
	const version = "/v23.0"
	return &oauth{
		usual: addresses{"https://www.facebook.com" + version + "/dialog/oauth", "https://graph.facebook.com" + version + "/oauth/access_token", "https://graph.facebook.com" + version},
		elsewhere: func(issuer string) addresses {
			return addresses{issuer + "/dialog/oauth", issuer + "/oauth/access_token", issuer}
		},
		ask: func(ctx context.Context, call caller) (Identity, claims, error) {
			proof := hmac.New(sha256.New, []byte(call.secret))
			proof.Write([]byte(call.token))
			var user claims
			err := call.get(ctx, "/me", url.Values{"fields": {"id,name,first_name,last_name,email"}, "appsecret_proof": {hex.EncodeToString(proof.Sum(nil))}}, &user)
			if err != nil {
				return Identity{}, nil, err
			}
			id := user.text("id")
			if id == "" || strings.Trim(id, "0123456789") != "" {
				return Identity{}, nil, refused(errors.New("there is no id in the answer"))
			}
			return Identity{Subject: id, Email: user.text("email")}, user, nil
		},
	}
}
