// Recursive descent over tokens, with Jinja's precedence.
#include "common/evaluation/template_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/evaluation/template_call.h"

namespace koeval::evaluation {
namespace {

constexpr int kDepthMax = 100;
constexpr int kLinksMax = 1000;  // operators in one template, or statement of a chat template

using Kind = Expr::Kind;

std::unique_ptr<Expr> Make(Kind kind, Place place) {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->place = place;
  return expr;
}

std::unique_ptr<Expr> MakeLiteral(Value value, Place place) {
  auto expr = Make(Kind::kLiteral, place);
  expr->literal = std::move(value);
  return expr;
}

std::unique_ptr<Expr> MakeBinary(Kind kind, Place place, std::string text, ExprPtr a, ExprPtr b) {
  auto expr = Make(kind, place);
  expr->text = std::move(text);
  expr->operands.push_back(std::move(a));
  expr->operands.push_back(std::move(b));
  return expr;
}

}  // namespace

const Token& ExpressionParser::Next() const {
  return tokens_[std::min(at_ + 1, tokens_.size() - 1)];
}
Token ExpressionParser::Take() {
  return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_];
}

bool ExpressionParser::IsOperator(std::string_view text) const {
  return Now().kind == Token::Kind::kOperator && Now().text == text;
}
bool ExpressionParser::IsName(std::string_view text) const {
  return Now().kind == Token::Kind::kName && Now().text == text;
}
bool ExpressionParser::AcceptOperator(std::string_view text) {
  const bool found = IsOperator(text);
  if (found) Take();
  return found;
}
bool ExpressionParser::AcceptName(std::string_view text) {
  const bool found = IsName(text);
  if (found) Take();
  return found;
}
Status ExpressionParser::Unexpected() const {
  switch (Now().kind) {
    case Token::Kind::kEnd:
      return TemplateError(Now().place, "the template ends too early");
    case Token::Kind::kText:
    case Token::Kind::kString:
      return TemplateError(Now().place, "unexpected text");
    default:
      return TemplateError(Now().place, fmt::format("unexpected '{}'", Now().text));
  }
}
Status ExpressionParser::ExpectOperator(std::string_view text) {
  if (AcceptOperator(text)) return OkStatus();
  return TemplateError(Now().place, fmt::format("'{}' expected", text));
}
Status ExpressionParser::ExpectClose() {
  if (Now().kind != Token::Kind::kClose) return Unexpected();
  Take();
  return OkStatus();
}
Result<std::string> ExpressionParser::ExpectName() {
  if (Now().kind != Token::Kind::kName) return Unexpected();
  return Take().text;
}

Status ExpressionParser::Enter() {
  if (++depth_ > kDepthMax) return TemplateError(Now().place, "nested too deep");
  return OkStatus();
}

Status ExpressionParser::Link() {
  if (++links_ > kLinksMax) return TemplateError(Now().place, "too many operators");
  return OkStatus();
}

Result<ExprPtr> ExpressionParser::ParseTuple(bool with_conditional) {
  const Place place = Now().place;
  ASSIGN_OR_RETURN(ExprPtr first, with_conditional ? ParseExpression() : ParseOr());
  if (!IsOperator(",")) return first;
  auto tuple = Make(Kind::kTuple, place);
  tuple->operands.push_back(std::move(first));
  while (AcceptOperator(",")) {
    if (Now().kind == Token::Kind::kClose || IsOperator(")")) break;
    ASSIGN_OR_RETURN(ExprPtr item, with_conditional ? ParseExpression() : ParseOr());
    tuple->operands.push_back(std::move(item));
  }
  return ExprPtr(std::move(tuple));
}

Result<ExprPtr> ExpressionParser::ParseExpression() {
  RETURN_IF_ERROR(Enter());
  ASSIGN_OR_RETURN(ExprPtr expr, ParseOr());
  while (IsName("if")) {
    auto conditional = Make(Kind::kConditional, Take().place);
    ASSIGN_OR_RETURN(ExprPtr guard, ParseOr());
    ExprPtr other;
    if (AcceptName("else")) {
      ASSIGN_OR_RETURN(other, ParseExpression());
    }
    conditional->operands.push_back(std::move(guard));
    conditional->operands.push_back(std::move(expr));
    conditional->operands.push_back(std::move(other));
    expr = std::move(conditional);
    RETURN_IF_ERROR(Link());
  }
  Leave();
  return expr;
}

Result<ExprPtr> ExpressionParser::ParseChain(Level tighter, Kind kind, Token::Kind word,
                                             std::initializer_list<std::string_view> signs) {
  ASSIGN_OR_RETURN(ExprPtr left, (this->*tighter)());
  for (;;) {
    const bool fits = Now().kind == word && std::find(signs.begin(), signs.end(),
                                                      std::string_view(Now().text)) != signs.end();
    if (!fits) return left;
    const Token sign = Take();
    ASSIGN_OR_RETURN(ExprPtr right, (this->*tighter)());
    left = MakeBinary(kind, sign.place, sign.text, std::move(left), std::move(right));
    RETURN_IF_ERROR(Link());
  }
}

Result<ExprPtr> ExpressionParser::ParseOr() {
  return ParseChain(&ExpressionParser::ParseAnd, Kind::kOr, Token::Kind::kName, {"or"});
}
Result<ExprPtr> ExpressionParser::ParseAnd() {
  return ParseChain(&ExpressionParser::ParseNot, Kind::kAnd, Token::Kind::kName, {"and"});
}

Result<ExprPtr> ExpressionParser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  RETURN_IF_ERROR(Enter());
  auto expr = Make(Kind::kNot, Take().place);
  ASSIGN_OR_RETURN(ExprPtr operand, ParseNot());
  expr->operands.push_back(std::move(operand));
  Leave();
  return ExprPtr(std::move(expr));
}

std::string ExpressionParser::TakeComparison() {
  for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (AcceptOperator(sign)) return std::string(sign);
  }
  if (AcceptName("in")) return "in";
  if (IsName("not") && Next().kind == Token::Kind::kName && Next().text == "in") {
    Take();
    Take();
    return "not in";
  }
  return "";
}

Result<ExprPtr> ExpressionParser::ParseCompare() {
  const Place place = Now().place;
  ASSIGN_OR_RETURN(ExprPtr first, ParseSum());
  std::string sign = TakeComparison();
  if (sign.empty()) return first;
  auto expr = Make(Kind::kCompare, place);
  expr->operands.push_back(std::move(first));
  for (; !sign.empty(); sign = TakeComparison()) {
    expr->operators.push_back(sign);
    ASSIGN_OR_RETURN(ExprPtr operand, ParseSum());
    expr->operands.push_back(std::move(operand));
  }
  return ExprPtr(std::move(expr));
}

Result<ExprPtr> ExpressionParser::ParseSum() {
  return ParseChain(&ExpressionParser::ParseConcat, Kind::kBinary, Token::Kind::kOperator,
                    {"+", "-"});
}

Result<ExprPtr> ExpressionParser::ParseConcat() {
  const Place place = Now().place;
  ASSIGN_OR_RETURN(ExprPtr first, ParseProduct());
  if (!IsOperator("~")) return first;
  auto expr = Make(Kind::kConcat, place);
  expr->operands.push_back(std::move(first));
  while (AcceptOperator("~")) {
    ASSIGN_OR_RETURN(ExprPtr operand, ParseProduct());
    expr->operands.push_back(std::move(operand));
  }
  return ExprPtr(std::move(expr));
}

Result<ExprPtr> ExpressionParser::ParseProduct() {
  return ParseChain(&ExpressionParser::ParsePower, Kind::kBinary, Token::Kind::kOperator,
                    {"*", "/", "//", "%"});
}
Result<ExprPtr> ExpressionParser::ParsePower() {
  return ParseChain(&ExpressionParser::ParseSigned, Kind::kBinary, Token::Kind::kOperator, {"**"});
}

Result<ExprPtr> ExpressionParser::ParseSigned() {
  return ParseUnary(true);
}

Result<ExprPtr> ExpressionParser::ParseUnary(bool with_filters) {
  RETURN_IF_ERROR(Enter());
  ExprPtr expr;
  if (IsOperator("-") || IsOperator("+")) {
    const Token sign = Take();
    auto node = Make(Kind::kSign, sign.place);
    node->text = sign.text;
    ASSIGN_OR_RETURN(ExprPtr operand, ParseUnary(false));
    node->operands.push_back(std::move(operand));
    expr = std::move(node);
  } else {
    ASSIGN_OR_RETURN(expr, ParsePrimary());
  }
  ASSIGN_OR_RETURN(expr, ParsePostfix(std::move(expr)));
  if (with_filters) {
    ASSIGN_OR_RETURN(expr, ParseFilters(std::move(expr)));
  }
  Leave();
  return expr;
}

Result<ExprPtr> ExpressionParser::ParsePrimary() {
  const Token token = Now();
  switch (token.kind) {
    case Token::Kind::kName:
      return ParseName();
    case Token::Kind::kString: {
      std::string text;
      while (Now().kind == Token::Kind::kString) text += Take().text;
      return ExprPtr(MakeLiteral(Value(std::move(text)), token.place));
    }
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return ParseNumber();
    default:
      break;
  }
  if (IsOperator("(")) return ParseBrackets();
  if (IsOperator("[")) return ParseList();
  if (IsOperator("{")) return ParseDict();
  return Unexpected();
}

Result<ExprPtr> ExpressionParser::ParseName() {
  const Token token = Take();
  const std::string& name = token.text;
  if (name == "true" || name == "True") return ExprPtr(MakeLiteral(Value(true), token.place));
  if (name == "false" || name == "False") return ExprPtr(MakeLiteral(Value(false), token.place));
  if (name == "none" || name == "None") return ExprPtr(MakeLiteral(Value(), token.place));
  auto expr = Make(Kind::kName, token.place);
  expr->text = name;
  return ExprPtr(std::move(expr));
}

Result<ExprPtr> ExpressionParser::ParseNumber() {
  const Token token = Take();
  const char* begin = token.text.data();
  const char* end = begin + token.text.size();
  std::from_chars_result read{};
  Value value;
  if (token.kind == Token::Kind::kFloat) {
    double real = 0;
    read = std::from_chars(begin, end, real);
    value = Value(real);
  } else {
    int base = 10;
    if (token.text.size() > 2 && token.text[0] == '0') {
      const char mark = static_cast<char>(token.text[1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    }
    int64_t whole = 0;
    read = std::from_chars(begin + (base == 10 ? 0 : 2), end, whole, base);
    value = Value(whole);
  }
  if (read.ec != std::errc() || read.ptr != end) {
    return TemplateError(token.place, "a number that cannot be read or is over 64 bits");
  }
  return ExprPtr(MakeLiteral(std::move(value), token.place));
}

Result<ExprPtr> ExpressionParser::ParseBrackets() {
  const Place place = Take().place;
  if (AcceptOperator(")")) return ExprPtr(Make(Kind::kTuple, place));
  ASSIGN_OR_RETURN(ExprPtr expr, ParseTuple(true));
  RETURN_IF_ERROR(ExpectOperator(")"));
  return expr;
}

Result<ExprPtr> ExpressionParser::ParseList() {
  auto list = Make(Kind::kList, Take().place);
  while (!IsOperator("]")) {
    ASSIGN_OR_RETURN(ExprPtr item, ParseExpression());
    list->operands.push_back(std::move(item));
    if (!AcceptOperator(",")) break;
  }
  RETURN_IF_ERROR(ExpectOperator("]"));
  return ExprPtr(std::move(list));
}

Result<ExprPtr> ExpressionParser::ParseDict() {
  auto dict = Make(Kind::kDict, Take().place);
  while (!IsOperator("}")) {
    ASSIGN_OR_RETURN(ExprPtr key, ParseExpression());
    RETURN_IF_ERROR(ExpectOperator(":"));
    ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    dict->operands.push_back(std::move(key));
    dict->operands.push_back(std::move(value));
    if (!AcceptOperator(",")) break;
  }
  RETURN_IF_ERROR(ExpectOperator("}"));
  return ExprPtr(std::move(dict));
}

Result<ExprPtr> ExpressionParser::ParsePostfix(ExprPtr expr) {
  for (;;) {
    if (IsOperator(".")) {
      ASSIGN_OR_RETURN(expr, ParseAttribute(std::move(expr)));
    } else if (IsOperator("[")) {
      ASSIGN_OR_RETURN(expr, ParseSubscript(std::move(expr)));
    } else if (IsOperator("(")) {
      ASSIGN_OR_RETURN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
    RETURN_IF_ERROR(Link());
  }
}

Result<ExprPtr> ExpressionParser::ParseAttribute(ExprPtr object) {
  const Place place = Take().place;
  if (Now().kind == Token::Kind::kInteger) {
    ASSIGN_OR_RETURN(ExprPtr index, ParseNumber());
    return ExprPtr(MakeBinary(Kind::kItem, place, "", std::move(object), std::move(index)));
  }
  auto expr = Make(Kind::kAttribute, place);
  ASSIGN_OR_RETURN(expr->text, ExpectName());
  expr->operands.push_back(std::move(object));
  return ExprPtr(std::move(expr));
}

Result<ExprPtr> ExpressionParser::ParseSubscript(ExprPtr object) {
  const Place place = Take().place;
  std::vector<ExprPtr> parts(1);
  while (!IsOperator("]") && parts.size() <= 3) {
    if (AcceptOperator(":")) {
      parts.emplace_back();
    } else if (parts.back() != nullptr) {
      return Unexpected();
    } else {
      ASSIGN_OR_RETURN(parts.back(), ParseExpression());
    }
  }
  RETURN_IF_ERROR(ExpectOperator("]"));
  const bool slice = parts.size() > 1;
  if (!slice && parts[0] == nullptr) return TemplateError(place, "an index is missing");
  auto expr = Make(slice ? Kind::kSlice : Kind::kItem, place);
  expr->operands.push_back(std::move(object));
  if (slice) parts.resize(3);
  for (ExprPtr& part : parts) expr->operands.push_back(std::move(part));
  return ExprPtr(std::move(expr));
}

Status ExpressionParser::ParseArguments(Expr& call) {
  RETURN_IF_ERROR(ExpectOperator("("));
  while (!IsOperator(")")) {
    if (IsOperator("*") || IsOperator("**")) {
      return TemplateError(Now().place, "* and ** in a call are not supported");
    }
    const bool named = Now().kind == Token::Kind::kName && Next().kind == Token::Kind::kOperator &&
                       Next().text == "=";
    std::string name;
    if (named) {
      name = Take().text;
      Take();
    }
    ASSIGN_OR_RETURN(ExprPtr argument, ParseExpression());
    if (named) {
      call.named.emplace_back(std::move(name), std::move(argument));
    } else if (!call.named.empty()) {
      return TemplateError(Now().place, "an argument without a name after one with a name");
    } else {
      call.operands.push_back(std::move(argument));
    }
    if (!AcceptOperator(",")) break;
  }
  return ExpectOperator(")");
}

Result<ExprPtr> ExpressionParser::ParseCall(ExprPtr callee) {
  auto call = Make(Kind::kCall, Now().place);
  call->operands.push_back(std::move(callee));
  RETURN_IF_ERROR(ParseArguments(*call));
  return ExprPtr(std::move(call));
}

Result<ExprPtr> ExpressionParser::ParseFilters(ExprPtr expr) {
  for (;;) {
    if (IsOperator("|")) {
      const Place place = Take().place;
      ASSIGN_OR_RETURN(expr, ParseFilter(place, std::move(expr)));
    } else if (IsName("is")) {
      ASSIGN_OR_RETURN(expr, ParseTest(std::move(expr)));
    } else if (IsOperator("(")) {
      ASSIGN_OR_RETURN(expr, ParseCall(std::move(expr)));
    } else {
      return expr;
    }
    RETURN_IF_ERROR(Link());
  }
}

Result<ExprPtr> ExpressionParser::ParseBlockFilters(std::string name) {
  auto text = Make(Kind::kName, Now().place);
  text->text = std::move(name);
  return ParseFilters(std::move(text));
}

Status ExpressionParser::CheckKnown(const Expr& expr) const {
  if (!chat()) return OkStatus();
  const Status known =
      expr.kind == Kind::kFilter ? CheckFilterName(expr.text, dialect_) : CheckTestName(expr.text);
  return known.ok() ? known : TemplateError(expr.place, known.message());
}

Result<ExprPtr> ExpressionParser::ParseFilterTag(std::string name) {
  auto text = Make(Kind::kName, Now().place);
  text->text = std::move(name);
  ASSIGN_OR_RETURN(ExprPtr first, ParseFilter(Now().place, std::move(text)));
  return ParseFilters(std::move(first));
}

Result<ExprPtr> ExpressionParser::ParseFilter(Place place, ExprPtr operand) {
  auto filter = Make(Kind::kFilter, place);
  ASSIGN_OR_RETURN(filter->text, ExpectName());
  filter->operands.push_back(std::move(operand));
  RETURN_IF_ERROR(CheckKnown(*filter));
  if (IsOperator("(")) RETURN_IF_ERROR(ParseArguments(*filter));
  return ExprPtr(std::move(filter));
}

Result<ExprPtr> ExpressionParser::ParseTest(ExprPtr operand) {
  const Place place = Take().place;
  const bool negated = AcceptName("not");
  auto test = Make(Kind::kTest, place);
  ASSIGN_OR_RETURN(test->text, ExpectName());
  test->operands.push_back(std::move(operand));
  RETURN_IF_ERROR(CheckKnown(*test));
  const bool other_word = IsName("else") || IsName("or") || IsName("and") || IsName("if") ||
                          IsName("is") || IsName("in") || IsName("not");
  const Token::Kind kind = Now().kind;
  if (IsOperator("(")) {
    RETURN_IF_ERROR(ParseArguments(*test));
  } else if ((kind == Token::Kind::kName && !other_word) || kind == Token::Kind::kString ||
             kind == Token::Kind::kInteger || kind == Token::Kind::kFloat || IsOperator("[") ||
             IsOperator("{")) {
    ASSIGN_OR_RETURN(ExprPtr argument, ParsePrimary());
    ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument)));
    test->operands.push_back(std::move(argument));
  }
  if (!negated) return ExprPtr(std::move(test));
  auto expr = Make(Kind::kNot, place);
  expr->operands.push_back(std::move(test));
  return ExprPtr(std::move(expr));
}

}  // namespace koeval::evaluation
