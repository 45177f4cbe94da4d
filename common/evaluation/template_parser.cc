// Statements of templates, built on the parser of expressions.
#include "common/evaluation/template_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "common/evaluation/template_expression.h"
#include "common/evaluation/template_lexer.h"

namespace koeval::evaluation {
namespace {

class Parser : private ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Result<Body> Parse() {
    ASSIGN_OR_RETURN(Body body, ParseBody({}));
    if (Now().kind != Token::Kind::kEnd) return Unexpected();
    return body;
  }

 private:
  // Statements up to a tag whose name is in `ends`; the tag's name is then the current token.
  Result<Body> ParseBody(std::initializer_list<std::string_view> ends) {
    RETURN_IF_ERROR(Enter());
    Body body;
    for (;;) {
      const Token& token = Now();
      if (token.kind == Token::Kind::kEnd) break;
      if (token.kind == Token::Kind::kText) {
        auto text = NewStatement(Statement::Kind::kText);
        text->text = Take().text;
        body.push_back(std::move(text));
        continue;
      }
      if (token.kind == Token::Kind::kTag &&
          std::find(ends.begin(), ends.end(), Next().text) != ends.end()) {
        Take();
        break;
      }
      ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement,
                       token.kind == Token::Kind::kTag ? ParseTag() : ParseOutput());
      body.push_back(std::move(statement));
    }
    Leave();
    return body;
  }

  std::unique_ptr<Statement> NewStatement(Statement::Kind kind) const {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->place = Now().place;
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseOutput() {
    auto statement = NewStatement(Statement::Kind::kOutput);
    Take();
    ASSIGN_OR_RETURN(ExprPtr expr, ParseTuple(true));
    statement->exprs.push_back(std::move(expr));
    RETURN_IF_ERROR(ExpectClose());
    return statement;
  }

  Result<std::unique_ptr<Statement>> ParseTag() {
    Take();
    if (IsName("if")) return ParseIf();
    if (IsName("for")) return ParseFor();
    if (IsName("set")) return ParseSet();
    return TemplateError(Now().place, fmt::format("tag '{}' is not supported here; use if, for, "
                                                  "set, raw",
                                                  Now().text));
  }

  Result<std::unique_ptr<Statement>> ParseIf() {
    auto statement = NewStatement(Statement::Kind::kIf);
    Take();
    for (;;) {
      ASSIGN_OR_RETURN(ExprPtr guard, ParseTuple(false));
      statement->exprs.push_back(std::move(guard));
      RETURN_IF_ERROR(ExpectClose());
      ASSIGN_OR_RETURN(Body body, ParseBody({"elif", "else", "endif"}));
      statement->bodies.push_back(std::move(body));
      if (AcceptName("elif")) continue;
      if (AcceptName("else")) {
        RETURN_IF_ERROR(ExpectClose());
        ASSIGN_OR_RETURN(Body other, ParseBody({"endif"}));
        statement->bodies.push_back(std::move(other));
      }
      RETURN_IF_ERROR(EndTag("endif", statement->place));
      return statement;
    }
  }

  Status EndTag(std::string_view name, Place start) {
    if (!AcceptName(name)) return TemplateError(start, fmt::format("'{}' is missing", name));
    return ExpectClose();
  }

  Result<std::unique_ptr<Statement>> ParseFor() {
    auto statement = NewStatement(Statement::Kind::kFor);
    Take();
    ASSIGN_OR_RETURN(statement->target, ParseTarget(false));
    if (!AcceptName("in")) return TemplateError(Now().place, "'in' expected");
    ASSIGN_OR_RETURN(ExprPtr items, ParseTuple(false));
    statement->exprs.push_back(std::move(items));
    if (AcceptName("if")) {
      ASSIGN_OR_RETURN(ExprPtr guard, ParseExpression());
      statement->exprs.push_back(std::move(guard));
    }
    RETURN_IF_ERROR(ExpectClose());
    ASSIGN_OR_RETURN(Body body, ParseBody({"else", "endfor"}));
    statement->bodies.push_back(std::move(body));
    if (AcceptName("else")) {
      RETURN_IF_ERROR(ExpectClose());
      ASSIGN_OR_RETURN(Body other, ParseBody({"endfor"}));
      statement->bodies.push_back(std::move(other));
    }
    RETURN_IF_ERROR(EndTag("endfor", statement->place));
    return statement;
  }

  Result<Target> ParseTarget(bool may_be_member) {
    Target target;
    const bool in_brackets = AcceptOperator("(");
    do {
      if (IsOperator(")") || IsOperator("=") || IsName("in")) break;
      ASSIGN_OR_RETURN(std::string name, ExpectName());
      target.names.push_back(std::move(name));
      if (may_be_member && target.names.size() == 1 && AcceptOperator(".")) {
        ASSIGN_OR_RETURN(target.member, ExpectName());
        return target;
      }
      if (!IsOperator(",")) break;
      target.unpack = true;
    } while (AcceptOperator(","));
    if (in_brackets) RETURN_IF_ERROR(ExpectOperator(")"));
    if (target.names.empty()) return Unexpected();
    return target;
  }

  Result<std::unique_ptr<Statement>> ParseSet() {
    auto statement = NewStatement(Statement::Kind::kSet);
    Take();
    ASSIGN_OR_RETURN(statement->target, ParseTarget(true));
    if (AcceptOperator("=")) {
      ASSIGN_OR_RETURN(ExprPtr value, ParseTuple(true));
      statement->exprs.push_back(std::move(value));
      RETURN_IF_ERROR(ExpectClose());
      return statement;
    }
    statement->kind = Statement::Kind::kSetBlock;
    RETURN_IF_ERROR(ExpectClose());
    ASSIGN_OR_RETURN(Body body, ParseBody({"endset"}));
    statement->bodies.push_back(std::move(body));
    RETURN_IF_ERROR(EndTag("endset", statement->place));
    return statement;
  }
};

}  // namespace

Result<Body> ParseTemplate(std::string_view source) {
  ASSIGN_OR_RETURN(std::vector<Token> tokens, LexTemplate(source));
  return Parser(std::move(tokens)).Parse();
}

}  // namespace koeval::evaluation
