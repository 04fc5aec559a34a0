package authing

import (
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// word is how an error looks here: a number, the vendor's where it has one, and
// a sentence in either language.
type word struct {
	code   int
	zh, en string
}

// Numbers that the vendor does not have, for what it has no number for. They
// are those of HTTP.
const (
	codeBadRequest = 400
	codeBadMethod  = 405
	codeTooLarge   = 413
	codeBadMedia   = 415
	codeFault      = 500
	codeNotYet     = 501
)

// codeSuccess is the vendor's number for it.
const codeSuccess = 200

// errorWords spells every error of the catalogue.
func errorWords() map[core.Code]word {
	return map[core.Code]word{
		core.CodeInvalid:          {codeBadRequest, "请求无效", "The request is not valid"},
		core.CodeTooLarge:         {codeTooLarge, "请求过大", "The request is too large"},
		core.CodeUnsupportedMedia: {codeBadMedia, "请求体必须是 application/json", "The body must be application/json"},
		core.CodeNoRoute:          {codeNotYet, "此接口不存在", "There is nothing at this path"},
		core.CodeNotYet:           {codeNotYet, "此接口尚未提供", "This operation is not served yet"},
		core.CodeMethodNotAllowed: {codeBadMethod, "此路径不接受该请求方法", "This path does not take this method"},
		core.CodeUnauthenticated:  {2020, "尚未登录", "Nobody is signed in"},
		core.CodeForbidden:        {1001, "无权限执行此操作", "This is not permitted"},
		core.CodeNotFound:         {2004, "用户不存在", "There is no such user"},
		core.CodeTaken:            {2026, "用户已存在", "There is a user of this address already"},
		core.CodeConflict:         {1000, "系统繁忙，请重试", "Another request changed this at the same time; try again"},
		core.CodeTokenInvalid:     {2020, "尚未登录", "Nobody is signed in: the token is unknown or was revoked"},
		core.CodeTokenExpired:     {2206, "登录信息已过期", "The sign-in has expired"},
		core.CodeTicketInvalid:    {2001, "验证码无效", "The code is not valid"},
		core.CodeWrongCredentials: {2333, "账号或密码错误", "The password is wrong, or there is no such account"},
		core.CodeWrongCode:        {2001, "验证码错误", "The code is not the one that was sent last"},
		core.CodePasskeyRefused:   {2333, "通行密钥无效", "The passkey was not accepted"},
		core.CodeCaptchaRefused:   {2001, "验证码错误", "The captcha was not solved"},
		core.CodeProviderRefused:  {codeBadRequest, "第三方登录失败", "The provider did not say who this is"},
		core.CodeOtherWay:         {codeBadRequest, "该邮箱已使用其他方式登录", "This address belongs to somebody who signs in another way"},
		core.CodeOtherAddress:     {codeBadRequest, "第三方账号的邮箱不一致", "The provider speaks of another e-mail address"},
		core.CodeServiceDown:      {500, "外部服务暂时不可用，请稍后重试", "This cannot be checked just now"},
		core.CodeCodeExpired:      {2300, "验证码已过期", "The code is past its time"},
		core.CodeAddressRefused:   {1001, "当前网络地址不允许访问", "This is not permitted from this address"},
		core.CodeTravelRefused:    {1001, "登录地点异常，已被拒绝", "This is too far from the last sign-in for the time between the two"},
		core.CodePlaceRefused:     {1001, "当前国家或地区不允许访问", "This is not permitted from this country"},
		core.CodeDomainRefused:    {1001, "该邮箱域名不允许访问", "This is not permitted with an e-mail address of this domain"},
		core.CodeLocked:           {2057, "登录失败次数过多，账号已被暂时锁定", "Too many wrong tries: the account is locked for a while"},
		core.CodeDisabled:         {2005, "账号已被锁定", "This account is disabled"},
		core.CodeSignupClosed:     {2031, "该应用已关闭注册", "Sign-up is closed"},
		core.CodeFlowEnded:        {codeBadRequest, "账号刚刚发生了变化，请重试", "The account has changed at this moment; try again"},
		core.CodeNotOffered:       {2027, "该账号没有设置密码", "This account has no password"},
		core.CodeFlowIncomplete:   {codeBadRequest, "登录尚未完成", "The sign-in is not complete"},
		core.CodeRedirectRefused:  {codeBadRequest, "回调地址未注册", "This redirect is not registered"},
		core.CodeTooMany:          {1002, "操作过于频繁，请稍后再试", "Too many requests; try again later"},
		core.CodeBusy:             {1000, "系统繁忙，请稍后再试", "The server is busy; try again in a moment"},
		core.CodeUnavailable:      {1000, "系统繁忙，请稍后再试", "The service is not available just now"},
		core.CodeInternal:         {codeFault, "服务器内部错误", "Something went wrong on our side"},
	}
}

// fault is what can go wrong in this face and nowhere else.
type fault string

// Error gives the fault's name.
func (f fault) Error() string { return string(f) }

const (
	faultNoApplication     fault = "no application is named"
	faultNoSuchApplication fault = "no such application"
	faultNoSuchPool        fault = "no such pool"
	faultNotSignedIn       fault = "no token"
	faultBadEmail          fault = "no e-mail address"
	faultNoPassword        fault = "no password"
	faultBadPassword       fault = "the password breaks the rules"
	faultShortPassword     fault = "the password is too short"
	faultNotDecrypted      fault = "the password does not decrypt"
	faultEncryptionOff     fault = "encrypted passwords are off"
	faultProfileMissing    fault = "the profile is incomplete"
	faultProfileUnknown    fault = "the profile has a field that nobody asks for"
	faultProfileWrong      fault = "the profile has a value of another type"
	faultUnverified        fault = "the mailbox is not proved"
	faultPasswordDue       fault = "a new password is due"
	faultMoreAsked         fault = "the flow asks for what one call cannot give"

	faultNoJSON      fault = "the body is no GraphQL request"
	faultSyntax      fault = "the document is not GraphQL"
	faultOperation   fault = "no such operation"
	faultQuery       fault = "the document does not fit the schema"
	faultVariables   fault = "the variables do not fit the operation"
	faultDeep        fault = "too deep"
	faultComplex     fault = "too many fields"
	faultTooMany     fault = "more than one sign-in in an operation"
	faultUnserved    fault = "an operation that is not served"
	faultUnservedSub fault = "a field that is not served"
)

// faultWords spells the faults.
func faultWords() map[fault]word {
	return map[fault]word{
		faultNoApplication:     {2101, "缺少应用 ID，请设置 " + headerApplication + " 请求头", "No application is named: send its id in " + headerApplication},
		faultNoSuchApplication: {2011, "应用不存在", "There is no such application in this user pool"},
		faultNoSuchPool:        {2224, "用户池不存在", "There is no such user pool"},
		faultNotSignedIn:       {2020, "尚未登录", "Nobody is signed in: send a token"},
		faultBadEmail:          {2003, "邮箱格式不正确", "This is not an e-mail address"},
		faultNoPassword:        {2032, "请输入密码", "A password is needed"},
		faultBadPassword:       {2029, "密码不符合安全要求", "The password does not keep the rules of this user pool"},
		faultShortPassword:     {2029, "密码长度不足", "The password is too short"},
		faultNotDecrypted:      {2016, "密码解密失败，请使用本用户池的公钥加密", "The password does not decrypt: encrypt it with the public key of this user pool"},
		faultEncryptionOff:     {2016, "该用户池未开启密码加密传输", "This user pool takes no encrypted passwords"},
		faultProfileMissing:    {1642, "请补全用户资料", "The profile lacks something that this user pool asks for"},
		faultProfileUnknown:    {codeBadRequest, "注册时不接受该字段", "Sign-up does not ask for this field"},
		faultProfileWrong:      {codeBadRequest, "字段值的类型不正确", "A value does not fit the type of its field"},
		faultUnverified:        {2042, "邮箱尚未验证，验证邮件已发送", "The e-mail address is not verified; a mail was sent to it"},
		faultPasswordDue:       {2058, "请先重置密码", "This password is due for a change: choose a new one first"},
		faultMoreAsked:         {codeNotYet, "该用户池的登录流程需要更多步骤，此接口尚不支持", "Signing in to this user pool takes steps that this operation does not serve yet"},

		faultNoJSON:      {codeBadRequest, "请求体不是有效的 GraphQL 请求", "The body is not a GraphQL request"},
		faultSyntax:      {codeBadRequest, "GraphQL 语法错误", "The document is not well-formed GraphQL, or too long"},
		faultOperation:   {codeBadRequest, "请求必须包含且仅包含一个可执行的操作", "The document must hold one operation, or name one of its own"},
		faultQuery:       {codeBadRequest, "GraphQL 查询与接口定义不符", "The document does not fit the schema"},
		faultVariables:   {codeBadRequest, "GraphQL 变量无效", "A variable is missing or of another type"},
		faultDeep:        {codeBadRequest, "GraphQL 查询嵌套过深", "The document nests too deep"},
		faultComplex:     {codeBadRequest, "GraphQL 查询过于复杂", "The document asks for too much at once"},
		faultTooMany:     {codeBadRequest, "一次请求只能包含一个登录或注册操作", "An operation may sign in or up once"},
		faultUnserved:    {codeNotYet, "此接口尚未提供", "This operation is not served yet"},
		faultUnservedSub: {codeNotYet, "此字段尚未提供", "A field of this operation is not served yet"},
	}
}

// about is a fault with the client's own word for what it is about.
type about struct {
	fault
	what string
}

// Unwrap gives the fault to errors.AsType.
func (a about) Unwrap() error { return a.fault }

// refusal is an error as the vendor spells it. It stands where others have a
// sentence.
type refusal struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

// spell writes an error in the language that the request asks for.
func spell(r *http.Request, err error) refusal {
	w := wordOf(err)
	text := w.zh
	if english(r) {
		text = w.en
	}
	if a, ok := errors.AsType[about](err); ok {
		text += ": " + a.what
	}
	return refusal{Code: w.code, Message: text}
}

func wordOf(err error) word {
	if f, ok := errors.AsType[fault](err); ok {
		return faultWords()[f]
	}
	e, ok := errors.AsType[*core.Error](err)
	if ok && e.Code == core.CodeInvalid && len(e.Fields) > 0 {
		if f, known := problemFault(e.Fields[0]); known {
			return faultWords()[f]
		}
	}
	return errorWords()[core.CodeOf(err)]
}

// problemFault is what a problem with an answer in a flow is here.
func problemFault(p core.Problem) (fault, bool) {
	switch {
	case p.Pointer == "/data/email":
		return faultBadEmail, true
	case p.Pointer == "/data/password" && p.Code == core.ProblemTooShort:
		return faultShortPassword, true
	case p.Pointer == "/data/password":
		return faultBadPassword, true
	case strings.HasPrefix(p.Pointer, "/data/profile") && p.Code == core.ProblemRequired:
		return faultProfileMissing, true
	case strings.HasPrefix(p.Pointer, "/data/profile") && p.Code == core.ProblemUnknown:
		return faultProfileUnknown, true
	case strings.HasPrefix(p.Pointer, "/data/profile"):
		return faultProfileWrong, true
	}
	return "", false
}

// english reports whether a request asks for that. Everybody else gets Chinese,
// as the vendor has it.
func english(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get(headerLanguage)), "en")
}
